//! The first bytes either side sends.
//!
//! ```text
//! | 0x00 | "KVP" | version u16 | flags u16 |   little-endian
//! ```
//!
//! The client's comes first and names the highest version it speaks; the server's names the one
//! that is spoken from then on. A server's flags: 1, only an authentication is answered at first;
//! 2, a write that is sent again with the same identity is applied once. Flags that are not known
//! are ignored.

/// Length of a preface.
pub const PREFACE_BYTES: usize = 8;

/// The highest version spoken here.
pub const VERSION: u16 = 1;

const MAGIC: [u8; 4] = *b"\0KVP";

const AUTH_REQUIRED: u16 = 1;
const REMEMBERS_WRITES: u16 = 2;

/// What either side says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preface {
    /// The protocol's version.
    pub version: u16,
    /// A server's: only an authentication is answered at first.
    pub auth_required: bool,
    /// A server's: a write that is sent again with the same identity is applied once.
    pub remembers_writes: bool,
}

/// Why bytes are not a preface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefaceError {
    /// Some other protocol.
    #[error("not the kv protocol")]
    NotOurs,
    /// A version that is not spoken here.
    #[error("protocol version {0} is not spoken here, only 1 to {VERSION}")]
    Version(u16),
}

impl Preface {
    /// What a client says.
    #[must_use]
    pub fn client() -> Preface {
        Preface {
            version: VERSION,
            auth_required: false,
            remembers_writes: false,
        }
    }

    /// What a server says to a client that said `client`.
    #[must_use]
    pub fn answer(client: Preface, auth_required: bool) -> Preface {
        Preface {
            version: client.version.min(VERSION),
            auth_required,
            remembers_writes: false,
        }
    }

    /// The same from a server that knows a write again by its identity, or does not.
    #[must_use]
    pub fn remembering_writes(self, remembers_writes: bool) -> Preface {
        Preface {
            remembers_writes,
            ..self
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(self) -> [u8; PREFACE_BYTES] {
        let [a, b, c, d] = MAGIC;
        let [version_low, version_high] = self.version.to_le_bytes();
        let flags = u16::from(self.auth_required) * AUTH_REQUIRED
            + u16::from(self.remembers_writes) * REMEMBERS_WRITES;
        let [flags_low, flags_high] = flags.to_le_bytes();
        [a, b, c, d, version_low, version_high, flags_low, flags_high]
    }

    /// What a client said.
    ///
    /// # Errors
    /// If it is no preface, or of version 0.
    pub fn decode_client(bytes: [u8; PREFACE_BYTES]) -> Result<Preface, PrefaceError> {
        match decode(bytes)? {
            Preface { version: 0, .. } => Err(PrefaceError::Version(0)),
            preface => Ok(preface),
        }
    }

    /// What a server said.
    ///
    /// # Errors
    /// If it is no preface, or of a version that is not spoken here.
    pub fn decode_server(bytes: [u8; PREFACE_BYTES]) -> Result<Preface, PrefaceError> {
        let preface = decode(bytes)?;
        match preface.version {
            1..=VERSION => Ok(preface),
            version => Err(PrefaceError::Version(version)),
        }
    }
}

fn decode(bytes: [u8; PREFACE_BYTES]) -> Result<Preface, PrefaceError> {
    let [a, b, c, d, version_low, version_high, flags_low, flags_high] = bytes;
    if [a, b, c, d] != MAGIC {
        return Err(PrefaceError::NotOurs);
    }
    let flags = u16::from_le_bytes([flags_low, flags_high]);
    Ok(Preface {
        version: u16::from_le_bytes([version_low, version_high]),
        auth_required: flags & AUTH_REQUIRED != 0,
        remembers_writes: flags & REMEMBERS_WRITES != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preface_round_trips() {
        let hello = Preface::client();
        assert_eq!(Preface::decode_client(hello.encode()), Ok(hello));
        let answer = Preface::answer(hello, true);
        assert_eq!(Preface::decode_server(answer.encode()), Ok(answer));
        let remembering = answer.remembering_writes(true);
        assert_eq!(
            Preface::decode_server(remembering.encode()),
            Ok(remembering)
        );
    }

    #[test]
    fn a_newer_client_is_answered_with_our_version() {
        let newer = Preface::decode_client(*b"\0KVP\x09\0\xff\xff").unwrap();
        assert_eq!(Preface::answer(newer, false).version, VERSION);
    }

    #[test]
    fn other_protocols_and_versions_are_refused() {
        assert_eq!(
            Preface::decode_client(*b"*1\r\n$4\r\n"),
            Err(PrefaceError::NotOurs)
        );
        assert_eq!(
            Preface::decode_client(*b"\0KVP\0\0\0\0"),
            Err(PrefaceError::Version(0))
        );
        assert_eq!(
            Preface::decode_server(*b"\0KVP\x02\0\0\0"),
            Err(PrefaceError::Version(2))
        );
    }
}
