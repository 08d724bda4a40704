//! Under a service manager: what it is told, over the socket that it gives.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::settings::Settings;
use crate::support::program::Program;

/// The next message in which `is_wanted` is so.
fn next(socket: &UnixDatagram, is_wanted: impl Fn(&str) -> bool) -> String {
    let mut message = [0; 4096];
    loop {
        let length = socket.recv(&mut message).unwrap();
        let told = String::from_utf8_lossy(&message[..length]).into_owned();
        if is_wanted(&told) {
            return told;
        }
    }
}

#[tokio::test]
async fn a_service_manager_is_told_of_the_start_the_state_and_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    let settings = Settings::small().with_dead_store().with("UPLOAD_FINISH_WITHIN", "1s");
    let mut environment = settings.environment();
    environment.extend([("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")]);
    let program = Program::start(folder.path(), &environment);
    next(&socket, |told| told == "READY=1\n");
    let told = next(&socket, |told| told.contains("WATCHDOG=1"));
    assert_eq!(told, "WATCHDOG=1\nSTATUS=fine; 0 items wait\n");
    crate::numbers::send_all(&program, 0..5).await;
    program.client().flush(forebay::units::Span::seconds(0)).await.unwrap();
    let told = next(&socket, |told| told.contains("STATUS=DEGRADED: nothing is delivered"));
    assert!(told.ends_with("; 5 items wait\n"), "{told}");

    program.pause();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut message = [0; 4096];
    // What was told before it stood still is read first.
    while socket.recv(&mut message).is_ok() {}
    program.resume();
    socket.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    next(&socket, |told| told.contains("WATCHDOG=1"));

    program.ask_to_end();
    // 10 s for requests, 1 s for delivery, 20 s for the rest.
    next(&socket, |told| told == "STOPPING=1\nEXTEND_TIMEOUT_USEC=31000000\n");
    assert_eq!(program.wait().code, Some(0));
}

#[test]
fn a_manager_that_is_not_there_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::small().with("LOG_SEAL_AFTER", "1m");
    let mut environment = settings.environment();
    environment.push(("NOTIFY_SOCKET", "/nowhere/notify"));
    let program = Program::start(folder.path(), &environment);
    let said = program.terminate();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
}
