//! The program's own figures.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::program::Program;

/// The sum of a metric over all its labels; 0 if there is none.
pub(crate) fn sum(program: &Program, name: &str) -> f64 {
    let mut stream = TcpStream::connect(program.admin()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: admin\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let values = page.lines().filter_map(|line| {
        let (metric, value) = line.rsplit_once(' ')?;
        (metric.split('{').next() == Some(name)).then(|| value.parse::<f64>().unwrap())
    });
    values.sum()
}
