//! `forebay status --watch`: the status again and again, in the same place of a terminal.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use console::{Term, truncate_str};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::look;
use super::text::text;
use crate::admin::{Condition, Status};
use crate::cli::{print, runtime};
use crate::config::Config;

/// The screen that a terminal has beside the one with its history, and back.
const OTHER_SCREEN: &str = "\x1b[?1049h\x1b[?25l";
const OWN_SCREEN: &str = "\x1b[?25h\x1b[?1049l";
/// To the first line; and away with what stands behind, in the line and below it.
const TO_THE_TOP: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// Shows the status every so often, until Ctrl-C. The exit code is that of the last one.
pub(super) fn run(config: &Config, every: Duration, json: bool) -> anyhow::Result<ExitCode> {
    let screen = if json { None } else { Screen::enter()? };
    runtime()?.block_on(watch(config, every, json, screen.as_ref()))
}

async fn watch(
    config: &Config,
    every: Duration,
    json: bool,
    screen: Option<&Screen>,
) -> anyhow::Result<ExitCode> {
    // Either way the terminal gets its screen back.
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    loop {
        let next = Instant::now() + every;
        let seen = look(config).await;
        match (screen, &seen) {
            (Some(screen), seen) => screen.draw(&words(seen, Timestamp::now()))?,
            (None, Ok(status)) if json => print(&(serde_json::to_string(status)? + "\n"))?,
            (None, Err(error)) if json => eprintln!("forebay: {error:#}"),
            (None, seen) => print(&(words(seen, Timestamp::now()) + "\n"))?,
        }
        tokio::select! {
            () = sleep_until(next) => continue,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        return Ok(seen.as_ref().map_or(Condition::Refusing, Condition::of).exit_code().into());
    }
}

/// What was seen, or why nothing was.
fn words(seen: &anyhow::Result<Status>, now: Timestamp) -> String {
    let time = now.strftime("%Y-%m-%d %H:%M:%S UTC");
    match seen {
        Ok(status) => format!("{}\n{time}, Ctrl-C ends this\n", text(status, now)),
        Err(error) => format!("forebay: {error:#}\n\n{time}, Ctrl-C ends this\n"),
    }
}

/// The terminal, while the status has it for itself.
#[derive(Debug)]
struct Screen(Term);

impl Screen {
    /// Takes the terminal; there is nothing to take where the standard output goes elsewhere.
    fn enter() -> io::Result<Option<Self>> {
        let terminal = Term::stdout();
        if !terminal.is_term() {
            return Ok(None);
        }
        terminal.write_str(OTHER_SCREEN)?;
        Ok(Some(Self(terminal)))
    }

    /// Draws over what stands there, as far as it fits.
    fn draw(&self, text: &str) -> io::Result<()> {
        let (height, width) = self.0.size();
        let mut drawn = TO_THE_TOP.to_owned();
        for (number, line) in text.lines().take(usize::from(height)).enumerate() {
            if number > 0 {
                drawn.push_str("\r\n");
            }
            drawn.push_str(&truncate_str(line, usize::from(width), "…"));
            drawn.push_str(REST_OF_LINE);
        }
        drawn.push_str(REST_OF_SCREEN);
        // In one piece, so that nothing flickers.
        self.0.write_str(&drawn)?;
        self.0.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that went away needs nothing back.
        let _ = self.0.write_str(OWN_SCREEN);
    }
}
