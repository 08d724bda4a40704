//! What the rows of one resource, of one scope and of one metric share: read once, copied into each row.
//!
//! Copies can be far larger than the request: a million empty log records fit in two megabytes, beside a resource of
//! ten. So what is copied within one request is limited. Rows beyond the limit name, in `extra`, the row that has it.

use std::cell::Cell;

use super::extra;
use super::fields::Fields;
use super::flatten::{Rows, hex};
use super::layout;
use super::table::Maps;
use super::value::Content;
use crate::otlp::Invalid;
use crate::otlp::schema::Message;
use crate::otlp::wire::Reader;
use crate::otlp::write_json::scalar;

const RESOURCE_ATTRIBUTES: usize = layout::common("resource_attributes");
const SCOPE_NAME: usize = layout::common("scope_name");
const SCOPE_VERSION: usize = layout::common("scope_version");

/// How much of what rows share is copied for the rows of one request, in bytes: more than telemetry of any use takes.
pub(super) const COPIED_BYTES_MAX: usize = 256 << 20;

/// So little, in bytes, is copied in any case: about as much as a row takes without it.
const LITTLE_BYTES: usize = 128;

/// What all rows of a resource, of a scope or of a metric share.
pub(super) struct Shared {
    /// The member of `extra` that names the row that has it.
    reference: &'static str,
    /// The entries of the map of the resource's attributes.
    pub(super) entries: Maps,
    /// What columns it fills, where the item did not.
    pub(super) contents: Vec<(usize, Content<'static>)>,
    /// The open object of what columns do not hold.
    pub(super) extra: Vec<u8>,
    /// The place of the first of its rows, which has it in any case, and about what a copy takes, in bytes.
    first: Cell<Option<(u32, usize)>>,
}

impl Shared {
    /// What shares nothing yet.
    pub(super) fn new(reference: &'static str) -> Self {
        let (entries, contents) = (Maps::default(), Vec::new());
        Self { reference, entries, contents, extra: extra::EMPTY.to_vec(), first: Cell::new(None) }
    }

    /// About what a copy takes, in bytes.
    fn bytes(&self) -> usize {
        let contents = self.contents.iter().map(|(_, content)| content.bytes());
        let entries = self.entries.keys.bytes.len() + self.entries.values.bytes.len();
        entries + contents.sum::<usize>() + self.extra.len()
    }
}

impl<'a> Rows<'_, 'a> {
    /// Copies to the row that is being filled what it shares with others, or names the row that has it.
    pub(super) fn copy(&mut self, shared: &Shared) {
        if let Some((first, bytes)) = shared.first.get() {
            if bytes > LITTLE_BYTES && bytes > self.copied_bytes_left {
                extra::key(shared.reference, &mut self.extra);
                self.extra.push(b'"');
                let id = self.id(first);
                self.extra.extend_from_slice(hex(&id, &mut self.scratch).as_bytes());
                self.extra.push(b'"');
                return;
            }
            self.copied_bytes_left = self.copied_bytes_left.saturating_sub(bytes);
        } else {
            shared.first.set(Some((self.position, shared.bytes())));
        }
        extra::copy(&shared.extra, &mut self.extra);
        for (column, content) in &shared.contents {
            content.set(*column, self.table);
        }
        self.table.add_entries(RESOURCE_ATTRIBUTES, &shared.entries);
    }

    /// Reads a `Resource`.
    pub(super) fn share_resource(
        &mut self,
        message: &'static Message,
        sent: Reader<'a>,
        shared: &mut Shared,
    ) -> Result<(), Invalid> {
        const NUMBER: u32 = 1;
        const DEPTH: u32 = 3;
        let fields = Fields::read(message, sent, &mut self.irregular)?;
        let Self { irregular, of_resources, scratch, .. } = self;
        let Shared { entries, contents, extra, .. } = shared;
        of_resources.read(&fields, NUMBER, DEPTH, irregular, scratch, |key, targets, value, text| {
            entries.push(key, text);
            for target in targets {
                let content = value.content(target.kind, text);
                contents.extend(content.map(|content| (target.column, content.into_owned())));
            }
        })?;
        let mut object = extra::EMPTY.to_vec();
        of_resources.write_left_over(&fields, NUMBER, DEPTH, &mut object)?;
        extra::write_rest(&fields, 1 << NUMBER, DEPTH, &mut object)?;
        // A map that is empty does not show that there was a resource.
        if object != extra::EMPTY || !fields.has(NUMBER) {
            extra::key("resource", extra);
            extra.extend_from_slice(&object);
            extra.push(b'}');
        }
        Ok(())
    }

    /// Reads an `InstrumentationScope`, whose attributes no column holds but promoted ones.
    pub(super) fn share_scope(
        &mut self,
        message: &'static Message,
        sent: Reader<'a>,
        shared: &mut Shared,
    ) -> Result<(), Invalid> {
        const NUMBER: u32 = 3;
        const DEPTH: u32 = 4;
        let fields = Fields::read(message, sent, &mut self.irregular)?;
        let Self { irregular, of_scopes, scratch, .. } = self;
        let Shared { contents, extra, .. } = shared;
        let mut held = 0;
        for (number, column) in [(1, SCOPE_NAME), (2, SCOPE_VERSION)] {
            if !fields.bytes(number).is_empty() {
                let text = Content::Text(fields.text(number));
                contents.push((column, text.into_owned()));
                held |= 1 << number;
            }
        }
        of_scopes.read(&fields, NUMBER, DEPTH, irregular, scratch, |_, targets, value, text| {
            for target in targets {
                let content = value.content(target.kind, text);
                contents.extend(content.map(|content| (target.column, content.into_owned())));
            }
        })?;
        let mut object = extra::EMPTY.to_vec();
        extra::write_rest(&fields, held, DEPTH, &mut object)?;
        if object != extra::EMPTY || held == 0 {
            extra::key("scope", extra);
            extra.extend_from_slice(&object);
            extra.push(b'}');
        }
        Ok(())
    }
}

/// Keeps the schema's address, which lies in field 3 of messages that group items.
pub(super) fn share_schema_url(key: &str, fields: &Fields<'_>, shared: &mut Shared) {
    let url = fields.bytes(3);
    if !url.is_empty() {
        extra::key(key, &mut shared.extra);
        scalar::string(url, &mut shared.extra);
    }
}
