//! The admin server: what probes, Prometheus and the person on call ask.
//!
//! | request         | answer                                                                                   |
//! |-----------------|------------------------------------------------------------------------------------------|
//! | `GET /`         | 200 as long as the process lives: the liveness probe, as the Collector's health check      |
//! | `GET /page`     | the status page                                                                           |
//! | `GET /readyz`   | 200, or 503 with the reason while no telemetry is taken in                                |
//! | `GET /metrics`  | every metric, in Prometheus' text format                                                  |
//! | `GET /status`   | [`Status`] as JSON                                                                        |
//! | `POST /flush`   | seals and delivers now; `?wait=1m` says how long to wait for it. [`FlushReport`] as JSON    |
//!
//! With `admin.auth` it asks for credentials, but not for the two probes. It shows no telemetry and no secret. It learns what it shows through [`Subject`], and does not know who
//! that is. [`Client`] is its other side, for the commands `status` and `flush`.

mod answer;
mod client;
mod options;
mod page;
mod process;
mod recorder;
mod server;
mod status;
mod subject;

pub use client::{Client, ClientError};
pub use options::{ClientOptions, Options};
pub use recorder::Recorder;
pub use server::{Bound, Server};
pub use status::{
    Bucket, BySignal, Delivery, DeliveryError, Disk, FlushReport, Intake, Listener, Losses, Output, Queue,
    Status,
};
pub use subject::Subject;
