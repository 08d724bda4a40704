//! What the admin server says.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use forebay::units::Span;

use crate::client::over_http1;
use crate::support::program::Program;

/// Longer than anything takes that is waited for; a test that waits as long has failed.
pub(crate) const AT_LAST: Duration = Duration::from_mins(2);

/// The status and the body of an answer.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = over_http1(address, Request::get(path).body(Full::<Bytes>::default()).unwrap()).await;
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

/// The sum of a metric over those of its series that have all these labels.
pub(crate) fn sum(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let mut found = metrics.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (this, its_labels) = series.split_once('{').unwrap_or((series, ""));
        let is_meant = this == name && labels.iter().all(|label| its_labels.contains(label));
        is_meant.then(|| value.parse::<f64>().unwrap())
    });
    let first = found.next().unwrap_or_else(|| panic!("{name} {labels:?} is missing in\n{metrics}"));
    first + found.sum::<f64>()
}

/// The metrics of a program.
pub(crate) async fn metrics(program: &Program) -> String {
    let (status, metrics) = get(program.admin(), "/metrics").await;
    assert_eq!(status, 200);
    metrics
}

/// Has everything sealed and delivered.
pub(crate) async fn flush(program: &Program) {
    let report = program.client().flush(Span::seconds(120)).await.unwrap();
    assert!(report.complete, "{report:?}");
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let began = Instant::now();
    while !ask().await {
        assert!(began.elapsed() < AT_LAST, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
