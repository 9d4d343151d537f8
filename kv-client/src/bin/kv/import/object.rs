//! Reads one large JSON object of keys and values, without holding it in memory.

use std::fmt;
use std::io::Read;
use std::path::Path;

use kv_client::{EncodedValue, Value};
use serde::de::{Deserializer as _, MapAccess, Visitor};

use super::source::{Ending, Sink, Stopped};
use crate::failure::Failure;
use crate::record::{Record, check_key};

/// Reads every entry into `sink`; the first one is line 1.
pub(super) fn read_object(reader: impl Read, path: &Path, sink: &mut Sink) -> Ending {
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let read = deserializer.deserialize_map(Entries { sink });
    let read = read.and_then(|ending| match ending {
        Ok(()) => deserializer.end().map(Ok),
        Err(Stopped) => Ok(Err(Stopped)),
    });
    read.map_err(|error| Failure::Other {
        what: format!("cannot import {}", path.display()),
        cause: Some(format!("not a JSON object of keys and values: {error}")),
        hint: Some("mend the file; entries before that place are stored".to_owned()),
    })
}

struct Entries<'a> {
    sink: &'a mut Sink,
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Result<(), Stopped>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of keys and values, or lines with \"key\" and \"value\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut line = 0;
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            line += 1;
            let record = check_key(key.as_bytes()).map(|()| Record {
                key: key.into(),
                value: EncodedValue::from(&value),
                expiry: None,
                vector: None,
            });
            if self.sink.push(line, record).is_err() {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }
}
