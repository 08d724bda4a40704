//! What the rows of one resource and of one scope share: read once, copied into each row.

use super::attributes;
use super::extra;
use super::fields::Fields;
use super::flatten::Rows;
use super::layout;
use super::value::Content;
use crate::otlp::Invalid;
use crate::otlp::schema::Message;
use crate::otlp::wire::Reader;
use crate::otlp::write_json::scalar;

const SCOPE_NAME: usize = layout::common("scope_name");
const SCOPE_VERSION: usize = layout::common("scope_version");

/// What all items of a resource, or of a scope, share.
#[derive(Default)]
pub(super) struct Shared {
    /// The entries of the map of the resource's attributes.
    pub(super) entries: Vec<(String, Option<String>)>,
    /// What columns it fills, where the item did not.
    pub(super) contents: Vec<(usize, Content<'static>)>,
    /// The open object of what columns do not hold.
    pub(super) extra: Vec<u8>,
}

impl<'a> Rows<'_, 'a> {
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
        let Self { layout, irregular, seen, scratch, .. } = self;
        let Shared { entries, contents, extra } = shared;
        attributes::read(&fields, NUMBER, DEPTH, irregular, seen, scratch, |key, hash, value, text| {
            entries.push((key.to_owned(), text.map(str::to_owned)));
            for target in layout.of_resource.get(key, hash) {
                let content = value.content(target.kind, text);
                contents.extend(content.map(|content| (target.column, content.into_owned())));
            }
        })?;
        let mut object = extra::EMPTY.to_vec();
        attributes::write_left_over(&fields, NUMBER, DEPTH, seen, &mut object)?;
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
        let Self { layout, irregular, seen, scratch, .. } = self;
        let Shared { contents, extra, .. } = shared;
        let mut held = 0;
        for (number, column) in [(1, SCOPE_NAME), (2, SCOPE_VERSION)] {
            if !fields.bytes(number).is_empty() {
                let text = Content::Text(fields.text(number));
                contents.push((column, text.into_owned()));
                held |= 1 << number;
            }
        }
        attributes::read(&fields, NUMBER, DEPTH, irregular, seen, scratch, |key, hash, value, text| {
            for target in layout.of_scope.get(key, hash) {
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
