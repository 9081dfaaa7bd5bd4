use std::time::Duration;

use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Whether to look once or again and again.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct WatchArgs {
    /// Look again and again, and tell what has changed; Ctrl-C ends it
    #[arg(long)]
    watch: bool,

    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "1s", requires = "watch", value_parser = interval)]
    interval: Duration,
}

/// What was found at one look.
pub struct Sight {
    /// For scripts.
    pub value: Value,
    /// For people.
    pub text: String,
    /// Whether it will never change again.
    pub last: bool,
}

impl WatchArgs {
    /// Whether it is looked again and again.
    pub fn goes_on(self) -> bool {
        self.watch
    }

    /// Looks and tells, once or until Ctrl-C.
    ///
    /// # Errors
    /// Those of `look`, and when standard output is closed.
    pub async fn run(
        self,
        output: Output,
        mut look: impl AsyncFnMut() -> Result<Sight, Failure>,
    ) -> Result<Exit, Failure> {
        let mut sight = look().await?;
        if !self.watch {
            output.show(&sight.value, || sight.text)?;
            return Ok(Exit::Done);
        }
        let mut told = None;
        loop {
            // Times that are told from now move on a screen, but are no news in a file.
            if output.redraws() || told.as_ref() != Some(&sight.value) {
                output.show_instead(&sight.value, || sight.text)?;
            }
            if sight.last {
                return Ok(Exit::Done);
            }
            told = Some(sight.value);
            tokio::time::sleep(self.interval).await;
            sight = look().await?;
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_millis(50) => Ok(time),
        Ok(_) => Err("less than 50ms leaves the API no rest".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
