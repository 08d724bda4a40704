//! `forebay flush`: have the running process deliver everything now.

use std::process::ExitCode;

use super::arguments::Flush;
use super::status::client;
use crate::admin::FlushReport;
use crate::config::Config;
use crate::words::counted;

/// Asks the running process, and says what came of it.
pub(super) fn run(config: &Config, flush: &Flush) -> anyhow::Result<ExitCode> {
    let client = client(config)?;
    let report = super::runtime()?.block_on(client.flush(flush.wait))?;
    super::print(&text(&report))?;
    Ok(if report.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A report as people read it.
fn text(report: &FlushReport) -> String {
    let (items, objects) = (counted(report.items, "item"), counted(report.objects_delivered, "object"));
    match &report.remaining {
        _ if report.complete && report.items == 0 => "nothing was waiting\n".to_owned(),
        _ if report.complete => format!("delivered: {items} in {objects}\n"),
        Some(remaining) => format!("not all is delivered ({objects} of {items} are): {remaining}\n"),
        None => format!("not all is delivered ({objects} of {items} are)\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_was_delivered_and_what_was_not() {
        let complete = FlushReport { items: 12, objects_delivered: 1, complete: true, remaining: None };
        assert_eq!(text(&complete), "delivered: 12 items in 1 object\n");
        let remaining = Some("1 segment waits: connection refused".to_owned());
        let left = text(&FlushReport { complete: false, remaining, ..complete });
        assert_eq!(
            left,
            "not all is delivered (1 object of 12 items are): 1 segment waits: connection refused\n"
        );
        let nothing = FlushReport { complete: true, ..FlushReport::default() };
        assert_eq!(text(&nothing), "nothing was waiting\n");
    }
}
