//! A future on a thread of its own: one with a name, and with room for what is not optimised, neither of which a thread of
//! tokio-util's `LocalPoolHandle` has.

use std::any::Any;
use std::io;
use std::panic::AssertUnwindSafe;
use std::thread;

use futures::FutureExt;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// As a main thread has it mostly: what is not optimised passes a large future on by value, from one frame to the next.
const STACK: usize = 8 << 20;

type End = Result<anyhow::Result<()>, Box<dyn Any + Send>>;

/// Runs what `make` makes on a new thread, in a runtime of its own, and passes its end on: what it returned, or its
/// panic. Dropped before that, it ends the future where it stands.
pub(crate) async fn run<F>(name: String, make: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let (abandoned, (tell, told)) = (CancellationToken::new(), oneshot::channel());
    let _abandon = abandoned.clone().drop_guard();
    thread::Builder::new().name(name).stack_size(STACK).spawn(move || {
        if let Some(end) = block_on(&abandoned, make).unwrap_or_else(|error| Some(Ok(Err(error.into())))) {
            // Nobody wants to know any more when the task was abandoned.
            drop(tell.send(end));
        }
    })?;
    match told.await? {
        Ok(end) => end,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn block_on<F>(abandoned: &CancellationToken, make: impl FnOnce() -> F) -> io::Result<Option<End>>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let made = AssertUnwindSafe(async { make().await }).catch_unwind();
    Ok(runtime.block_on(abandoned.run_until_cancelled(made)))
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn the_end_is_passed_on() {
        assert!(run("ends".into(), || async { Ok(()) }).await.is_ok());
        let error = run("fails".into(), || async { anyhow::bail!("no route") }).await.unwrap_err();
        assert_eq!(error.to_string(), "no route");
    }

    #[tokio::test]
    async fn it_is_another_thread() {
        run("elsewhere".into(), || async {
            assert_eq!(thread::current().name(), Some("elsewhere"));
            Ok(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_panic_goes_on_here() {
        let made = run("panics".into(), || async { panic!("out of order") });
        let panic = AssertUnwindSafe(made).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"out of order"));
        let made = run("panics".into(), || -> std::future::Ready<anyhow::Result<()>> { panic!("not made") });
        let panic = AssertUnwindSafe(made).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"not made"));
    }

    #[tokio::test]
    async fn who_is_abandoned_ends() {
        let (held, released) = oneshot::channel::<()>();
        let (running, runs) = oneshot::channel();
        let task = run("waits".into(), || async move {
            let _held = held;
            running.send(()).unwrap();
            pending().await
        });
        let mut task = Box::pin(task);
        tokio::select! {
            _ = &mut task => unreachable!("it waits for ever"),
            runs = timeout(LONG, runs) => runs.unwrap().unwrap(),
        }
        drop(task);
        timeout(LONG, released).await.unwrap().unwrap_err();
    }
}
