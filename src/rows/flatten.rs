//! From an export request to rows: what all signals share.
//!
//! ```text
//! request --1--> resource --2--> scope --2--> log record | span | metric --> points
//! ```
//!
//! A message is looked through once for its singular fields and once more for each kind of repeated ones, so that they
//! may come in any order and nothing is gathered. The few requests that give a singular message in pieces are
//! [merged](crate::otlp) first.

use std::borrow::Cow;

use super::attributes::Attributes;
use super::extra;
use super::fields::{Fields, utf8};
use super::layout::{self, Layout};
use super::pieces::Pieces;
use super::shared::{self, COPIED_BYTES_MAX, Shared};
use super::table::Table;
use crate::otlp::schema::{self, Kind, Message};
use crate::otlp::wire::Reader;
use crate::otlp::write_json::scalar;
use crate::otlp::{Invalid, Signal, merge};

const ID: usize = layout::common("id");
const TIMESTAMP: usize = layout::common("timestamp");
const TIME_UNIX_NANO: usize = layout::common("time_unix_nano");
const RECEIVED_AT: usize = layout::common("received_at");
const ATTRIBUTES: usize = layout::common("attributes");

/// The level of a log record, a span or a metric; the request is the first.
pub(super) const ITEM_DEPTH: u32 = 4;

/// How much of the hash is in an id, in bytes.
pub(super) const HASH_BYTES: usize = 12;

/// Where a request comes from: what makes the ids of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Which log it was written to.
    pub writer: &'a str,
    /// The number of its record there.
    pub seq: u64,
    /// When it was received, in nanoseconds since 1970.
    pub received_at: u64,
}

/// Appends a row for each log record, data point or span of `body`, an export request of the layout's signal, to `table`,
/// which has the layout's columns. Profiles have no rows.
///
/// What becomes of what is said in [the module](super). The same request from the same origin becomes the same rows.
///
/// # Errors
///
/// When `body` is not such a request, as [`validate`](crate::otlp::validate()) says; `table` is then as it was.
pub fn flatten(layout: &Layout, origin: Origin<'_>, body: &[u8], table: &mut Table) -> Result<(), Invalid> {
    flatten_within(layout, origin, body, table, (usize::MAX, usize::MAX)).map(drop)
}

/// As [`flatten`], if the table stays within `rows` and `bytes`; if not, it is as it was, and the rows can be had in
/// [`Pieces`].
///
/// # Errors
///
/// As [`flatten`].
pub fn flatten_within<'a>(
    layout: &'a Layout,
    origin: Origin<'_>,
    body: &'a [u8],
    table: &mut Table,
    bounds: (usize, usize),
) -> Result<Option<Pieces<'a>>, Invalid> {
    let id = (hash(origin, body), origin.received_at);
    let mut body = Cow::Borrowed(body);
    let mut found = try_within(layout, id, &body, table, bounds)?;
    if !found.is_regular {
        body = Cow::Owned(merge(layout.signal(), &body)?);
        found = try_within(layout, id, &body, table, bounds)?;
    }
    Ok((!found.fits).then(|| Pieces::new(layout, id, body)))
}

/// What came of an attempt to append the rows of a request.
struct Attempt {
    /// The table stayed within its bounds.
    fits: bool,
    /// The rows are what the request says.
    is_regular: bool,
}

/// Goes through a whole request, and appends its rows if they are right and the table stays within `rows` and `bytes`; if
/// not, the table is as it was.
fn try_within(
    layout: &Layout,
    id: ([u8; HASH_BYTES], u64),
    body: &[u8],
    table: &mut Table,
    (rows, bytes): (usize, usize),
) -> Result<Attempt, Invalid> {
    let before = table.rows();
    let mut fits = true;
    let mut watch = |table: &mut Table| {
        fits &= table.rows() <= rows && table.bytes() <= bytes;
        if !fits {
            table.truncate(before);
        }
    };
    let is_regular = each_row(layout, id, body, COPIED_BYTES_MAX, table, &mut watch);
    if !fits || is_regular != Ok(true) {
        table.truncate(before);
    }
    Ok(Attempt { fits, is_regular: is_regular? })
}

/// Appends the rows of a request, and calls `after_row` behind each of them. Says whether the rows are what the request
/// says: not if it gives a singular message in pieces.
pub(super) fn each_row(
    layout: &Layout,
    (hash, received_at): ([u8; HASH_BYTES], u64),
    body: &[u8],
    copied_bytes_max: usize,
    table: &mut Table,
    after_row: &mut dyn FnMut(&mut Table),
) -> Result<bool, Invalid> {
    let mut rows = Rows::new(layout, hash, received_at, copied_bytes_max, table, after_row);
    rows.request(body)?;
    Ok(!rows.irregular)
}

/// A hash of everything that makes a request another one.
pub(super) fn hash(origin: Origin<'_>, body: &[u8]) -> [u8; HASH_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(origin.writer.len() as u64).to_le_bytes());
    hasher.update(origin.writer.as_bytes());
    hasher.update(&origin.seq.to_le_bytes());
    hasher.update(&origin.received_at.to_le_bytes());
    hasher.update(body);
    let mut hash = [0; HASH_BYTES];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

/// The rows of one request as they are appended.
pub(super) struct Rows<'t, 'a> {
    pub(super) layout: &'t Layout,
    pub(super) table: &'t mut Table,
    after_row: &'t mut dyn FnMut(&mut Table),
    hash: [u8; HASH_BYTES],
    received_at: u64,
    /// The place of the item in the request.
    pub(super) position: u32,
    /// How much of what rows share may still be copied.
    pub(super) copied_bytes_left: usize,
    /// A singular message is given in pieces: the rows are not what the request says.
    pub(super) irregular: bool,
    /// The open object of what the columns of the row do not hold.
    pub(super) extra: Vec<u8>,
    pub(super) of_items: Attributes<'t, 'a>,
    pub(super) of_resources: Attributes<'t, 'a>,
    pub(super) of_scopes: Attributes<'t, 'a>,
    pub(super) scratch: Vec<u8>,
}

impl<'t, 'a> Rows<'t, 'a> {
    fn new(
        layout: &'t Layout,
        hash: [u8; HASH_BYTES],
        received_at: u64,
        copied_bytes_left: usize,
        table: &'t mut Table,
        after_row: &'t mut dyn FnMut(&mut Table),
    ) -> Self {
        Self {
            layout,
            table,
            after_row,
            hash,
            received_at,
            position: 0,
            copied_bytes_left,
            irregular: false,
            extra: Vec::new(),
            of_items: Attributes::new(&layout.of_item),
            of_resources: Attributes::new(&layout.of_resource),
            of_scopes: Attributes::new(&layout.of_scope),
            scratch: Vec::new(),
        }
    }

    fn request(&mut self, body: &'a [u8]) -> Result<(), Invalid> {
        let request = schema::request(self.layout.signal());
        let fields = Fields::read(request, Reader::new(body), &mut self.irregular)?;
        let Some(message) = inner(request, 1) else { return Ok(()) };
        fields.each_message(1, |sent| self.resource(message, sent))
    }

    /// Appends the rows of a `ResourceLogs` or one of its siblings.
    fn resource(&mut self, message: &'static Message, sent: Reader<'a>) -> Result<(), Invalid> {
        let fields = Fields::read(message, sent, &mut self.irregular)?;
        let mut shared = Shared::new("resourceOf");
        if let (Some(message), Some(sent)) = (inner(message, 1), fields.get(1)) {
            self.share_resource(message, sent, &mut shared)?;
        }
        shared::share_schema_url("resourceSchemaUrl", &fields, &mut shared);
        let Some(message) = inner(message, 2) else { return Ok(()) };
        fields.each_message(2, |sent| self.scope(message, sent, &shared))
    }

    /// Appends the rows of a `ScopeLogs` or one of its siblings.
    fn scope(
        &mut self,
        message: &'static Message,
        sent: Reader<'a>,
        resource: &Shared,
    ) -> Result<(), Invalid> {
        let fields = Fields::read(message, sent, &mut self.irregular)?;
        let mut shared = Shared::new("scopeOf");
        if let (Some(message), Some(sent)) = (inner(message, 1), fields.get(1)) {
            self.share_scope(message, sent, &mut shared)?;
        }
        shared::share_schema_url("scopeSchemaUrl", &fields, &mut shared);
        let Some(message) = inner(message, 2) else { return Ok(()) };
        let signal = self.layout.signal();
        fields.each_message(2, |sent| match signal {
            Signal::Logs => self.log_record(message, sent, [resource, &shared]),
            Signal::Metrics => self.metric(message, sent, [resource, &shared]),
            Signal::Traces => self.span(message, sent, [resource, &shared]),
            Signal::Profiles => Ok(()),
        })
    }

    /// Begins a row.
    pub(super) fn begin(&mut self) {
        self.extra.clear();
        self.extra.extend_from_slice(extra::EMPTY);
    }

    /// Adds the attributes in field `number` of an item at level `depth`.
    pub(super) fn attributes(&mut self, fields: &Fields<'a>, number: u32, depth: u32) -> Result<(), Invalid> {
        let Self { table, irregular, of_items, scratch, extra, .. } = self;
        of_items.read(fields, number, depth, irregular, scratch, |key, targets, value, text| {
            table.add_entry(ATTRIBUTES, key, text);
            for target in targets {
                if let Some(content) = value.content(target.kind, text) {
                    content.set(target.column, table);
                }
            }
        })?;
        of_items.write_left_over(fields, number, depth, extra)
    }

    /// Sets the item's time, in field `number`, and the timestamp: the first of `times` that is not 0, or else when the
    /// request was received. Returns the fields that are held.
    pub(super) fn time(&mut self, number: u32, times: &[u64]) -> u32 {
        let time = times.iter().copied().find(|time| *time != 0);
        self.table.set_integer(TIMESTAMP, micros(time.unwrap_or(self.received_at)));
        match times.first().map(|time| i64::try_from(*time)) {
            Some(Ok(time)) => {
                self.table.set_integer(TIME_UNIX_NANO, time);
                1 << number
            }
            _ => 0,
        }
    }

    /// Sets another time of the item, in field `number`, beside its own `time`. Returns the fields that are held: a time
    /// that is not one of whole microseconds is held only if it is `time` itself.
    pub(super) fn other_time(&mut self, number: u32, column: usize, other: u64, time: u64) -> u32 {
        if other == 0 {
            return 1 << number;
        }
        self.table.set_integer(column, micros(other));
        let is_held = if micros(other) == micros(time) { other == time } else { other.is_multiple_of(1000) };
        u32::from(is_held) << number
    }

    /// Sets text, unless it is empty. Returns the field as held.
    pub(super) fn text(&mut self, fields: &Fields<'_>, number: u32, column: usize) -> u32 {
        if !fields.bytes(number).is_empty() {
            self.table.set_text(column, &fields.text(number));
        }
        1 << number
    }

    /// Sets an id as hex, unless it is empty. Returns the field as held.
    pub(super) fn hex(&mut self, fields: &Fields<'_>, number: u32, column: usize) -> u32 {
        let bytes = fields.bytes(number);
        if !bytes.is_empty() {
            self.table.set_text(column, hex(bytes, &mut self.scratch));
        }
        1 << number
    }

    /// The id of the row of the item at a place in the request.
    pub(super) fn id(&self, position: u32) -> [u8; HASH_BYTES + 4] {
        let mut id = [0; HASH_BYTES + 4];
        let (hash, place) = id.split_at_mut(HASH_BYTES);
        hash.copy_from_slice(&self.hash);
        place.copy_from_slice(&position.to_be_bytes());
        id
    }

    /// Ends the row, with what it shares with others.
    pub(super) fn finish(&mut self, shared: &[&Shared]) {
        for shared in shared {
            self.copy(shared);
        }
        let id = self.id(self.position);
        self.table.set_text(ID, hex(&id, &mut self.scratch));
        self.table.set_integer(RECEIVED_AT, micros(self.received_at));
        if self.extra != extra::EMPTY {
            self.extra.push(b'}');
            self.table.set_text(self.layout.extra, &utf8(&self.extra));
        }
        self.table.finish_row();
        (self.after_row)(self.table);
        self.position = self.position.wrapping_add(1);
    }
}

/// The message that a field holds.
pub(super) fn inner(message: &'static Message, number: u32) -> Option<&'static Message> {
    match message.field(number)?.kind {
        Kind::Message(inner) => Some(inner),
        _ => None,
    }
}

/// Microseconds of nanoseconds; all of them fit.
pub(super) fn micros(nanos: u64) -> i64 {
    i64::try_from(nanos / 1000).unwrap_or(i64::MAX)
}

/// Bytes in hex. `scratch` is overwritten.
pub(super) fn hex<'s>(bytes: &[u8], scratch: &'s mut Vec<u8>) -> &'s str {
    scratch.clear();
    scalar::hex(bytes, scratch);
    let quoted = scratch.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    quoted.and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
}
