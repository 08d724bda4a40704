//! Long work in a terminal, and where there is none.

use crate::admin::until;
use crate::numbers::send_all;
use crate::settings::Settings;
use crate::support::ports::unused_address;
use crate::support::program::{Program, forebay};
use crate::terminal::Terminal;
use forebay::units::Span;

/// A folder with segments and objects that a dead store did not take.
async fn stopped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &Settings::small().with_dead_store().environment());
    send_all(&program, 0..20).await;
    program.client().flush(Span::seconds(0)).await.unwrap();
    until("an object", async || program.client().status().await.unwrap().queue.objects == 1).await;
    send_all(&program, 20..40).await;
    program.kill();
    folder
}

#[tokio::test]
async fn verify_shows_a_bar_in_a_terminal_and_what_it_found_above_it() {
    let folder = stopped().await;
    let (said, code) = Terminal::start(folder.path(), &["verify"], &[]).end();
    assert_eq!(code, Some(0), "{said}");
    for words in ["verifying [", " %  ", "right    ", "every checksum is right"] {
        assert!(said.contains(words), "{words} is missing in {said:?}");
    }
    let last = said.rsplit("every checksum is right").next().unwrap();
    assert!(!last.contains("verifying"), "the bar is gone at the end: {said:?}");
}

#[tokio::test]
async fn drain_shows_what_is_left_and_why_and_logs_above_its_bar() {
    let folder = stopped().await;
    let settings = Settings::small().with_dead_store();
    let (said, code) =
        Terminal::start(folder.path(), &["drain", "--wait", "2s"], &settings.environment()).end();
    assert_eq!(code, Some(1), "{said}");
    for words in ["draining [", " of 40 items", "2 objects; ", "2 objects left in "] {
        assert!(said.contains(words), "{words} is missing in {said:?}");
    }
    let folder_settings = Settings::small();
    let (said, code) = Terminal::start(folder.path(), &["drain"], &folder_settings.environment()).end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("delivered 2 objects; nothing is left"), "{said:?}");
}

#[tokio::test]
async fn without_a_terminal_short_work_says_nothing_of_its_progress() {
    let folder = stopped().await;
    let said = forebay(folder.path(), &["verify"], &[]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert!(!said.stdout.contains(['\r', '\u{1b}']), "{}", said.stdout);
    let said = forebay(folder.path(), &["inspect", "records"], &[]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let settings = Settings::small();
    let said = forebay(folder.path(), &["drain"], &settings.environment());
    assert_eq!(said.stdout, "delivered 2 objects; nothing is left\n");
    assert!(!said.stderr.contains(['\r', '\u{1b}']), "{}", said.stderr);
}

#[tokio::test]
async fn a_watched_status_stays_on_the_screen_and_sees_the_program_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let admin = unused_address().to_string();
    let settings = Settings::small();
    let mut environment = settings.environment();
    environment.push(("FOREBAY_ADMIN_LISTEN", &admin));
    let program = Program::start(folder.path(), &environment);
    let mut terminal = Terminal::start(folder.path(), &["status", "--watch=100ms"], &environment);
    let screen = terminal.until(|written| written.contains("taking in      yes"));
    assert!(screen.contains("\u{1b}[?1049h"), "{screen:?}");
    program.kill();
    terminal.until(|written| written.contains("forebay is not running on this data folder"));
    let _program = Program::start(folder.path(), &environment);
    terminal.until(|written| written.contains("taking in      yes"));
    terminal.interrupt();
    let (rest, code) = terminal.end();
    assert_eq!(code, Some(0), "{rest:?}");
    assert!(rest.ends_with("\u{1b}[?1049l"), "the screen is given back: {rest:?}");
}
