//! How many signals a run gets.

use signalbox_domain::{Command, Fault, Flow, Reason, Terms, WorkflowAction};
use signalbox_temporal::{Options, Temporal};
use signalbox_testkit::temporal_server;

use crate::lab::{Lab, of, signal, start, unique};

fn limited(id: &str, limit: u32) -> Command {
    let flow = Flow { signals_per_run: Some(limit), ..Flow::default() };
    let terms = Terms { flow: Some(Box::new(flow)), ..Terms::default() };
    Command { terms, ..of(id, WorkflowAction::SignalWithStart(start(), signal("mark"))) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gets_no_more_signals_than_its_route_lets_it_have() {
    let lab = Lab::new().await;
    let id = unique("limited");
    let first: Vec<_> = (0..4).map(|_| limited(&id, 4)).collect();
    for command in &first {
        lab.first(command).await.unwrap();
    }
    let run = lab.current(&id).await;
    let fifth = limited(&id, 4);
    // Whoever asks anew counts the same.
    for lab in [&lab, &Lab::new().await] {
        for _ in 0..2 {
            let failure = lab.first(&fifth).await.unwrap_err();
            assert_eq!((failure.fault, failure.reason), (Fault::Transient, Reason::TooManySignals));
        }
    }
    assert_eq!(lab.signals(&id, &run).await, 4);
    // One that the run has is not one too many.
    lab.again(&first[3]).await.unwrap();
    // One of another route is none of its business.
    lab.first(&of(&id, WorkflowAction::Signal(signal("mark")))).await.unwrap();
    assert_eq!(lab.signals(&id, &run).await, 5);
    lab.end(&id).await;
    // It is for the next run.
    lab.again(&fifth).await.unwrap();
    let next = lab.current(&id).await;
    assert_ne!(next, run);
    assert_eq!(lab.signals(&id, &next).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_temporal_lets_a_run_have_is_waited_for_too() {
    let server = temporal_server(|options| options.dynamic_config(["history.maximumSignalsPerExecution=2"]))
        .await
        .unwrap();
    let options = Options {
        address: server.address(),
        namespace: "default".into(),
        api_key: None,
        tls: false,
        identity: "tests".into(),
    };
    let temporal = Temporal::connect_when_up(&options, |_| {}).await.unwrap();
    let id = unique("full");
    let mark = || of(&id, WorkflowAction::SignalWithStart(start(), signal("mark")));
    for _ in 0..2 {
        temporal.execute(&mark(), false).await.unwrap();
    }
    let plain = of(&id, WorkflowAction::Signal(signal("mark")));
    for command in [mark(), plain] {
        let failure = temporal.execute(&command, false).await.unwrap_err();
        assert_eq!((failure.fault, failure.reason), (Fault::Transient, Reason::TooManySignals), "{failure}");
    }
}
