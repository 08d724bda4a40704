//! What items share: their resource and their scope.

use super::extra::Extra;
use super::levels::Level;
use super::object::Object;
use super::{RestoreError, Row, attributes};

/// The resource of a row, to which scopes may be added in a member of this name.
pub(super) fn resource(row: &Row, extra: &mut Extra, scopes: &str) -> Result<Level, RestoreError> {
    let mut level = Object::new();
    let (map, left_over) = (row.map("resource_attributes"), extra.take("resource"));
    if !map.is_empty() || left_over.is_some() {
        let mut resource = Object::new();
        let mut left_over =
            left_over.map_or_else(|| Ok(Extra::default()), |json| Extra::parse(json.get()))?;
        attributes::write(map, left_over.take("attributes").as_deref(), &mut resource)?;
        left_over.write(&mut resource);
        level.json("resource", &resource.close());
    }
    if let Some(url) = extra.take("resourceSchemaUrl") {
        level.raw("schemaUrl", &url);
    }
    level.json(scopes, b"[");
    Ok(Level { open: level.open(), close: "]}" })
}

/// The scope of a row, to which items, or metrics, may be added in a member of this name.
pub(super) fn scope(row: &Row, extra: &mut Extra, items: &str) -> Result<Level, RestoreError> {
    let mut level = Object::new();
    let (name, version) = (row.text("scope_name"), row.text("scope_version"));
    let left_over = extra.take("scope");
    if name.is_some() || version.is_some() || left_over.is_some() {
        let mut scope = Object::new();
        scope.text("name", name);
        scope.text("version", version);
        left_over.map_or_else(|| Ok(Extra::default()), |json| Extra::parse(json.get()))?.write(&mut scope);
        level.json("scope", &scope.close());
    }
    if let Some(url) = extra.take("scopeSchemaUrl") {
        level.raw("schemaUrl", &url);
    }
    level.json(items, b"[");
    Ok(Level { open: level.open(), close: "]}" })
}
