//! Whatever dies, one event has one effect, in order per key, or a dead letter that says why.
//!
//! ```sh
//! cargo test -p signalbox --test end_to_end chaos -- --nocapture
//! SIGNALBOX_TEST_LONG=1 cargo test -p signalbox --test end_to_end chaos -- --nocapture --test-threads 1
//! ```
//!
//! `SIGNALBOX_CHAOS_SEED`, `…_EVENTS`, `…_KEYS`, `…_KILLS`, `…_RATE` (events a second) and `…_ROUTERS` say otherwise than
//! the short or the long form; `…_LOGS` names a folder for what the processes log.

mod count;
mod end;
mod faults;
mod form;
mod histories;
mod ledger;
mod load;
mod plant;

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use anyhow::ensure;
use fastrand::Rng;
use signalbox_testkit::eventually;

use end::End;
use faults::{Fault, Went};
use form::Form;
use load::Publishers;
use plant::{Plant, Server};

#[tokio::test(flavor = "multi_thread")]
async fn one_event_has_one_effect_in_order_whatever_dies() {
    let form = Form::of_environment();
    println!("{form:?}");
    let mut plant = Plant::start(form.routers).await.unwrap();
    let publishers = Publishers::new(&plant.nats.url(), plant.base(), form.amount).await.unwrap();
    let (begun, mut rng) = (Instant::now(), Rng::with_seed(form.seed));
    let (accepted, went) = tokio::join!(
        publishers.publish(form.amount),
        faults::go_wrong(&mut plant, form.extent, form.routers, &mut rng)
    );
    let (took, went) = (begun.elapsed(), went.unwrap());
    let end = End::of(&mut plant, &publishers, &form, accepted.unwrap()).await.unwrap();
    println!("{}", end.summary(&form, &went, &publishers, took));
    end.is_as_promised(&plant, &form).await;
}

/// Two minutes in the long form. Events are taken all the while, nothing is given up, and all comes in order after.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_temporal_is_away_is_carried_out_after() {
    let (away, form) = form::outage();
    let mut plant = Plant::start(form.routers).await.unwrap();
    let publishers = Publishers::new(&plant.nats.url(), plant.base(), form.amount).await.unwrap();
    let begun = Instant::now();
    let stored = || publishers.stored.load(Relaxed) as usize;
    let outage = async {
        // All have begun: what direct calls signal is there.
        reaches(&stored, form.amount.events / 4).await;
        let (mut went, fault) = (Went::default(), Fault::KillServer(Server::Temporal));
        went.begins(&mut plant, fault).await.unwrap();
        let before = stored();
        tokio::time::sleep(away).await;
        let meanwhile = stored() - before;
        fault.ends(&mut plant).await.unwrap();
        println!("{meanwhile} events were taken in {} s without Temporal", away.as_secs());
        assert!(meanwhile > form.amount.events / 4, "{meanwhile}");
        went
    };
    let (accepted, went) = tokio::join!(publishers.publish(form.amount), outage);
    let took = begun.elapsed();
    let end = End::of(&mut plant, &publishers, &form, accepted.unwrap()).await.unwrap();
    println!("{}", end.summary(&form, &went, &publishers, took));
    end.is_as_promised(&plant, &form).await;
}

async fn reaches(stored: &impl Fn() -> usize, count: usize) {
    eventually(Duration::from_secs(300), async || {
        ensure!(stored() >= count, "{} events are stored", stored());
        Ok(())
    })
    .await;
}
