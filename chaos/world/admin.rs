//! What a process says of itself on its admin address.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::program::Program;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);

/// The status and the body with which a path is answered.
pub(crate) fn get(program: &Program, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(program.admin()).unwrap();
    stream.set_read_timeout(Some(AT_LAST)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: forebay\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Why nothing is taken in, as `/readyz` says; `None` if something is.
pub(crate) fn why_not_ready(program: &Program) -> Option<String> {
    match get(program, "/readyz") {
        (200, _) => None,
        (503, why) => Some(why),
        answer => panic!("/readyz answers {answer:?}"),
    }
}

/// Waits until `/readyz` says why nothing is taken in.
pub(crate) fn wait_until_not_ready(program: &Program) -> String {
    let began = Instant::now();
    loop {
        if let Some(why) = why_not_ready(program) {
            return why;
        }
        assert!(began.elapsed() < AT_LAST, "it is ready; it wrote:\n{}", program.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The sum of a counter over all its labels, in what `/metrics` says.
pub(crate) fn sum(metrics: &str, name: &str) -> u64 {
    let of_name = metrics.lines().filter_map(|line| line.strip_prefix(name));
    let values =
        of_name.filter(|rest| rest.starts_with([' ', '{'])).map(|rest| rest.rsplit(' ').next().unwrap());
    values.map(|value| value.parse::<u64>().unwrap()).sum()
}
