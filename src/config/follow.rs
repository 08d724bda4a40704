//! Sections whose names the file chooses follow those from which they differ, in everything that they do not name: the
//! outputs follow `objects` and `upload`, the listeners those of `receive` that they have as well.

use std::collections::BTreeMap;

use super::Origin;
use super::layers::Layers;
use super::schema::{ANY, Schema};
use super::value::Value;

/// Sections that follow others.
struct Following {
    /// The section in which they have their names.
    of: &'static str,
    /// The section that has what they follow; empty if that is at the top.
    model: &'static str,
    /// What of it they have as well.
    shared: &'static [&'static str],
}

const OUTPUTS: Following = Following { of: "outputs", model: "", shared: &["objects", "upload"] };

const LISTENERS: Following =
    Following { of: "receive.listeners", model: "receive", shared: &["tls", "auth", "cors", "connection"] };

impl Following {
    /// The names that the file chose.
    fn names(&self, schema: &Schema) -> Vec<String> {
        schema.names_in(self.of).filter(|name| *name != ANY).map(str::to_owned).collect()
    }

    /// The part of `key` behind the model's own, if it is one of the keys that are shared.
    fn shared_part<'a>(&self, key: &'a str) -> Option<&'a str> {
        let part = match self.model {
            "" => key,
            model => key.strip_prefix(model)?.strip_prefix('.')?,
        };
        self.shared.contains(&part.split('.').next()?).then_some(part)
    }

    fn model_key(&self, part: &str) -> String {
        if self.model.is_empty() { part.to_owned() } else { format!("{}.{part}", self.model) }
    }
}

/// Gives listeners the names of tokens that they inherit, as long as names can be given. One with tokens of its own has
/// those only: whoever names who may come does not mean everybody else as well.
pub(super) fn inherit_names(schema: &mut Schema) {
    let of_any = format!(".{ANY}");
    let maps: Vec<String> =
        schema.sections.iter().filter_map(|key| key.strip_suffix(&of_any)).map(str::to_owned).collect();
    for map in &maps {
        let Some(part) = LISTENERS.shared_part(map) else { continue };
        let names: Vec<String> = names_of(schema, map);
        for listener in LISTENERS.names(schema) {
            let own = format!("{}.{listener}.{part}", LISTENERS.of);
            if names_of(schema, &own).is_empty() {
                for name in &names {
                    schema.name_section(&format!("{own}.{name}"));
                }
            }
        }
    }
}

fn names_of(schema: &Schema, section: &str) -> Vec<String> {
    schema.names_in(section).filter(|name| *name != ANY).map(str::to_owned).collect()
}

/// Lets every section that follows another have that one's values where nobody set its own.
pub(super) fn follow(layers: &mut Layers) {
    for following in [OUTPUTS, LISTENERS] {
        for name in following.names(&layers.schema) {
            let place = format!("{}.{name}", following.of);
            // One that names nothing is there all the same.
            layers.set(place.clone(), Value::Section(BTreeMap::new()), Origin::Default);
            follow_one(layers, &following, &place);
        }
    }
}

fn follow_one(layers: &mut Layers, following: &Following, place: &str) {
    // What there is to set in this section is what it has of the model's.
    let inside = format!("{place}.");
    let part = |key: &String| key.strip_prefix(&inside).map(str::to_owned);
    let parts: Vec<String> = layers.schema.settings.iter().filter_map(part).collect();
    let suits: Vec<bool> = parts.iter().map(|part| suits(layers, place, part)).collect();
    for (part, suits) in parts.iter().zip(suits) {
        let (own, model) = (format!("{inside}{part}"), following.model_key(part));
        let follows = suits && following.shared_part(&model).is_some() && layers.value(&own).is_none();
        if let (true, Some(value)) = (follows, layers.value(&model)) {
            let value = value.clone();
            layers.set(own, value, Origin::Follows(model));
        }
    }
}

/// Whether what the model has fits a section. An output with a format of its own has the compression of that format, and
/// one without columns has none.
fn suits(layers: &Layers, place: &str, part: &str) -> bool {
    let own = |part: &str| layers.value(&format!("{place}.{part}"));
    let (format, compression) = (own("objects.format"), own("objects.compression"));
    match part {
        "objects.compression" => format.is_none(),
        "objects.level" => format.is_none() && compression.is_none(),
        "objects.columns" => !matches!(format, Some(Value::Text(format)) if format.starts_with("otlp")),
        _ => true,
    }
}
