//! A link between a service and a server that a test can cut.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use signalbox_servers::free_port;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

const CHUNK: usize = 64 * 1024;

/// What a link does with what is sent through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passing {
    /// Passes it on.
    #[default]
    Open,
    /// Takes it, connections too, and passes nothing on. Nothing is lost once it is open again.
    Stalled,
    /// Nobody listens, and what was connected is not.
    Refused,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    passing: Passing,
    /// Connections of an earlier one end.
    generation: u64,
}

/// A TCP proxy in front of a server on 127.0.0.1. It ends when it is dropped.
#[derive(Debug)]
pub struct Link {
    port: u16,
    state: watch::Sender<State>,
    _tasks: JoinSet<()>,
}

impl Link {
    /// A link to a port of 127.0.0.1, whether somebody listens there or not.
    ///
    /// # Errors
    /// When there is no port for it.
    pub async fn to(server: u16) -> anyhow::Result<Self> {
        let port = free_port()?;
        let (state, seen) = watch::channel(State::default());
        let listener = listen(port).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, port, server, seen));
        Ok(Self { port, state, _tasks: tasks })
    }

    /// The port of 127.0.0.1 to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on it does this.
    pub fn pass(&self, passing: Passing) {
        self.state.send_modify(|state| state.passing = passing);
    }

    /// Ends all connections; new ones are taken as before.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }
}

impl State {
    fn refuses(&self) -> bool {
        self.passing == Passing::Refused
    }
}

async fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

async fn serve(first: TcpListener, port: u16, server: u16, mut state: watch::Receiver<State>) {
    let (mut listener, mut connections) = (Some(first), JoinSet::new());
    loop {
        if state.borrow_and_update().refuses() {
            listener = None;
            connections.shutdown().await;
        } else if listener.is_none() {
            listener = listen(port).await.ok();
        }
        let Some(open) = &listener else {
            tokio::select! {
                changed = state.changed() => if changed.is_err() { return },
                // Should its port be taken for a moment, it is tried again.
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
            continue;
        };
        tokio::select! {
            accepted = open.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(connection(client, server, state.clone()));
            },
            changed = state.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(client: TcpStream, server: u16, mut state: watch::Receiver<State>) {
    let generation = state.borrow().generation;
    let passing = state.clone();
    let pumped = async {
        let mut passing = passing;
        open(&mut passing).await;
        let server = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, server))).await?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
        }
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::try_join!(
            pump(from_client, to_server, passing.clone()),
            pump(from_server, to_client, passing.clone())
        )
    };
    tokio::select! {
        _ = pumped => {}
        _ = state.wait_for(|state| state.generation != generation) => {}
    }
}

async fn open(state: &mut watch::Receiver<State>) {
    // Its sender lives as long as the link, whose end ends this too.
    let _ = state.wait_for(|state| state.passing == Passing::Open).await;
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        open(&mut state).await;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&chunk[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt;

    use super::*;
    use crate::eventually;

    const SOON: Duration = Duration::from_secs(10);
    const A_MOMENT: Duration = Duration::from_millis(200);

    /// Says everything again.
    async fn echo(tasks: &mut JoinSet<()>) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (mut from, mut to) = stream.into_split();
                connections.spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        port
    }

    struct Caller(tokio::io::BufReader<TcpStream>);

    impl Caller {
        async fn to(link: &Link) -> std::io::Result<Self> {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).await?;
            Ok(Self(tokio::io::BufReader::new(stream)))
        }

        async fn say(&mut self, line: &str) {
            self.0.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }

        /// Empty at the end of the connection.
        async fn hear(&mut self) -> String {
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            let _ = tokio::time::timeout(SOON, read).await.expect("a line or an end");
            line.trim_end().to_owned()
        }
    }

    #[tokio::test]
    async fn it_passes_stalls_cuts_and_refuses() {
        let mut tasks = JoinSet::new();
        let link = Link::to(echo(&mut tasks).await).await.unwrap();
        let mut caller = Caller::to(&link).await.unwrap();
        caller.say("one").await;
        assert_eq!(caller.hear().await, "one");

        link.pass(Passing::Stalled);
        caller.say("two").await;
        assert!(tokio::time::timeout(A_MOMENT, caller.0.fill_buf()).await.is_err(), "it passes nothing");
        link.pass(Passing::Open);
        assert_eq!(caller.hear().await, "two", "nothing is lost");

        link.cut();
        assert_eq!(caller.hear().await, "");
        let mut caller = Caller::to(&link).await.unwrap();
        caller.say("three").await;
        assert_eq!(caller.hear().await, "three");

        link.pass(Passing::Refused);
        assert_eq!(caller.hear().await, "");
        eventually(SOON, async || {
            anyhow::ensure!(Caller::to(&link).await.is_err(), "somebody listens");
            Ok(())
        })
        .await;
        link.pass(Passing::Open);
        let mut caller = eventually(SOON, async || Ok(Caller::to(&link).await?)).await;
        caller.say("four").await;
        assert_eq!(caller.hear().await, "four");
    }
}
