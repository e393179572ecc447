//! Turning a record into what is stored: a public text, and the personal values it only commits to.

use std::fmt;

use frontdesk_domain::audit::{AuditKind, AuditRecord};
use frontdesk_domain::{RunId, Timestamp};
use frontdesk_durable::to_hex;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::chain::{self, SALT};
use crate::error::{Action, Error, ErrorKind};

/// An entry that lacks only its number and its time. Making it is the expensive part: it is done by the caller.
pub(crate) struct PreparedEntry {
    pub(crate) kind: AuditKind,
    /// Everything after `{"number":N,"at":"T",` up to the closing brace, which it includes.
    rest: String,
    pub(crate) personal: Vec<PersonalValue>,
}

/// A value that the body commits to.
pub(crate) struct PersonalValue {
    pub(crate) field: &'static str,
    pub(crate) value: Vec<u8>,
    pub(crate) salt: [u8; SALT],
}

/// What the envelope says beside number, time and kind.
pub(crate) struct Origin<'a> {
    pub(crate) actor: &'a str,
    pub(crate) command: &'a str,
    pub(crate) run: Option<&'a RunId>,
    pub(crate) about: Option<&'a str>,
}

impl PreparedEntry {
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) fn new(record: &AuditRecord, origin: &Origin<'_>) -> Result<Self, Error> {
        let bare = json(record)?;
        let Fields(fields) = serde_json::from_str(&bare).map_err(|error| unwritable(&error))?;
        let mut personal = Vec::new();
        let mut public = String::from("{");
        for (name, value) in &fields {
            if public.len() > 1 {
                public.push(',');
            }
            public.push_str(&json(name)?);
            public.push(':');
            match record.personal().iter().find(|field| *field == name) {
                Some(field) => {
                    let mut salt = [0; SALT];
                    getrandom::fill(&mut salt).map_err(|error| unwritable(&error))?;
                    let value = value.get().as_bytes().to_vec();
                    public.push('"');
                    public.push_str(&to_hex(&chain::commitment(&salt, field, &value)));
                    public.push('"');
                    personal.push(PersonalValue { field, value, salt });
                }
                None => public.push_str(value.get()),
            }
        }
        public.push('}');

        let kind = record.kind();
        let mut rest = format!("\"kind\":{},\"actor\":{}", json(kind.as_str())?, json(origin.actor)?);
        let texts = [
            ("command", Some(origin.command).filter(|text| !text.is_empty())),
            ("run", origin.run.map(RunId::as_str)),
            ("about", origin.about),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                rest.push_str(&format!(",\"{name}\":{}", json(text)?));
            }
        }
        if !personal.is_empty() {
            let names: Vec<&str> = personal.iter().map(|value| value.field).collect();
            rest.push_str(&format!(",\"personal\":{}", json(&names)?));
        }
        rest.push_str(",\"record\":");
        rest.push_str(&public);
        rest.push('}');
        Ok(Self { kind, rest, personal })
    }

    /// The text the chain covers.
    pub(crate) fn body(&self, number: u64, at: Timestamp) -> String {
        format!("{{\"number\":{number},\"at\":\"{at}\",{}", self.rest)
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| unwritable(&error))
}

fn unwritable(source: &dyn fmt::Display) -> Error {
    let what = format!("an entry cannot be written: {source}");
    Error::new(Action::Record, crate::layout::DATABASE, ErrorKind::Malformed { what })
}

/// The fields of a JSON object in their order, values untouched.
pub(crate) struct Fields(pub(crate) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
