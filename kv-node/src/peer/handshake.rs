//! How two nodes find out that they belong together.
//!
//! ```text
//! dialler                                     acceptor
//! preface, hello            ───────────────►
//!                           ◄───────────────  preface, challenge (or refusal)
//! proof                     ───────────────►
//!                           ◄───────────────  welcome (or refusal)
//! messages …                ───────────────►
//!
//! preface   = 0x00 "kvpeer" version u8
//! hello     = | lane u8 | flags u8 | cluster u64 | from u64 | to u64 | instance u64 | nonce [32] |
//! challenge = | flags u8 | instance u64 | nonce [32] |
//! proof     = | mac [32] |
//! welcome   = | mac [32] |
//! refusal   = | code u8 | first u64 | second u64 |                                  little-endian
//! ```
//!
//! Everything after the preface is in frames (see [`Frame`](super::Frame)). Flag 1: there is a
//! secret. The instance is a random number of the process. With a secret a mac is
//!
//! ```text
//! HMAC-SHA256(secret, role u8 | lane u8 | cluster u64 | from u64 | to u64
//!                     | instance of the dialler u64 | of the acceptor u64
//!                     | nonce of the dialler [32] | of the acceptor [32])
//! ```
//!
//! with role 1 for the proof and 2 for the welcome; without one it is zeros, and is not looked at.
//!
//! 1. Nonces are the operating system's random numbers, never used twice: a recorded handshake
//!    proves nothing later, and neither does one with another node or in the other direction.
//! 2. The dialler proves itself first: who merely dials learns nothing to guess the secret with.
//! 3. Who is refused is told why, so that both sides can log it.
//!
//! Decides and encodes only; reads and writes no socket.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Lane;
use super::error::{PeerError, Refused};
use crate::secret::Secret;

/// Version of the protocol.
const VERSION: u8 = 1;

/// The first bytes that each side sends.
pub const PREFACE: [u8; 8] = *b"\0kvpeer\x01";

/// No payload of a handshake is longer.
pub const HANDSHAKE_BYTES_MAX: usize = 128;

const NONCE_BYTES: usize = 32;
const HAS_SECRET: u8 = 1;

/// Random bytes that are used once.
pub type Nonce = [u8; NONCE_BYTES];

/// What one side proves that it knows the secret with.
pub type Proof = [u8; 32];

/// Looks at the preface that the other side sent.
///
/// # Errors
/// If it is none, or of another version.
pub fn check_preface(preface: [u8; 8]) -> Result<(), PeerError> {
    let [name @ .., version] = preface;
    if name[..] != PREFACE[..7] {
        return Err(PeerError::NotAPeer);
    }
    match version {
        VERSION => Ok(()),
        theirs => Err(PeerError::Version {
            theirs,
            ours: VERSION,
        }),
    }
}

/// What the dialler says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// What the connection is for.
    pub lane: Lane,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Its cluster.
    pub cluster_id: u64,
    /// Its number.
    pub from: u64,
    /// The number of the node that it means to dial.
    pub to: u64,
    /// A random number of its process.
    pub instance: u64,
    /// Random bytes.
    pub nonce: Nonce,
}

impl Hello {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.lane.number(), flags(self.has_secret)];
        for number in [self.cluster_id, self.from, self.to, self.instance] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.nonce);
        out
    }

    /// Reads one; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Hello> {
        let mut fields = Fields(bytes);
        let hello = Hello {
            lane: Lane::from_number(fields.u8()?)?,
            has_secret: has_secret(fields.u8()?)?,
            cluster_id: fields.u64()?,
            from: fields.u64()?,
            to: fields.u64()?,
            instance: fields.u64()?,
            nonce: fields.array()?,
        };
        fields.end(hello)
    }

    /// Why node `node_id` of cluster `cluster_id` does not talk to who said this, if it is
    /// something that needs no proof.
    #[must_use]
    pub fn refusal(&self, cluster_id: u64, node_id: u64, has_secret: bool) -> Option<Refused> {
        if self.cluster_id != cluster_id {
            return Some(Refused::WrongCluster {
                dialler: self.cluster_id,
                dialled: cluster_id,
            });
        }
        if self.to != node_id {
            return Some(Refused::WrongNode {
                wanted: self.to,
                found: node_id,
            });
        }
        if self.from == node_id {
            return Some(Refused::SameId { id: node_id });
        }
        (self.has_secret != has_secret).then_some(Refused::SecretMissing)
    }
}

/// What the acceptor answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    /// Whether it has a secret.
    pub has_secret: bool,
    /// A random number of its process.
    pub instance: u64,
    /// Random bytes.
    pub nonce: Nonce,
}

impl Challenge {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![flags(self.has_secret)];
        out.extend_from_slice(&self.instance.to_le_bytes());
        out.extend_from_slice(&self.nonce);
        out
    }

    /// Reads one; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Challenge> {
        let mut fields = Fields(bytes);
        let challenge = Challenge {
            has_secret: has_secret(fields.u8()?)?,
            instance: fields.u64()?,
            nonce: fields.array()?,
        };
        fields.end(challenge)
    }
}

/// Who proves something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who dialled.
    Dialler,
    /// Who was dialled.
    Acceptor,
}

/// What both sides have said, which is what they prove that they agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meeting {
    /// The dialler's part.
    pub hello: Hello,
    /// The acceptor's.
    pub challenge: Challenge,
}

impl Meeting {
    /// What `role` proves itself with.
    #[must_use]
    pub fn proof(&self, role: Role, secret: Option<&Secret>) -> Proof {
        match secret {
            Some(secret) => self.mac(role, secret).finalize().into_bytes().into(),
            None => Proof::default(),
        }
    }

    /// Whether `proof` is `role`'s. Takes the same time wherever it is wrong.
    #[must_use]
    pub fn is_proven(&self, role: Role, secret: Option<&Secret>, proof: &[u8]) -> bool {
        match secret {
            Some(secret) => self.mac(role, secret).verify_slice(proof).is_ok(),
            None => true,
        }
    }

    fn mac(&self, role: Role, secret: &Secret) -> Hmac<Sha256> {
        let (hello, challenge) = (&self.hello, &self.challenge);
        let role = match role {
            Role::Dialler => 1,
            Role::Acceptor => 2,
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.key()).expect("any length will do");
        mac.update(&[role, hello.lane.number()]);
        for number in [hello.cluster_id, hello.from, hello.to] {
            mac.update(&number.to_le_bytes());
        }
        mac.update(&hello.instance.to_le_bytes());
        mac.update(&challenge.instance.to_le_bytes());
        mac.update(&hello.nonce);
        mac.update(&challenge.nonce);
        mac
    }
}

impl Refused {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (code, first, second) = match *self {
            Refused::WrongCluster { dialler, dialled } => (1, dialler, dialled),
            Refused::WrongNode { wanted, found } => (2, wanted, found),
            Refused::SameId { id } => (3, id, 0),
            Refused::AlreadyConnected { id, heard_ms } => (4, id, heard_ms),
            Refused::SecretMissing => (5, 0, 0),
            Refused::WrongSecret => (6, 0, 0),
            Refused::TooMany => (7, 0, 0),
        };
        let mut out = vec![code];
        out.extend_from_slice(&u64::to_le_bytes(first));
        out.extend_from_slice(&u64::to_le_bytes(second));
        out
    }

    /// Reads one; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Refused> {
        let mut fields = Fields(bytes);
        let (code, first, second) = (fields.u8()?, fields.u64()?, fields.u64()?);
        let refused = match code {
            1 => Refused::WrongCluster {
                dialler: first,
                dialled: second,
            },
            2 => Refused::WrongNode {
                wanted: first,
                found: second,
            },
            3 => Refused::SameId { id: first },
            4 => Refused::AlreadyConnected {
                id: first,
                heard_ms: second,
            },
            5 => Refused::SecretMissing,
            6 => Refused::WrongSecret,
            7 => Refused::TooMany,
            _ => return None,
        };
        fields.end(refused)
    }
}

fn flags(has_secret: bool) -> u8 {
    if has_secret { HAS_SECRET } else { 0 }
}

fn has_secret(flags: u8) -> Option<bool> {
    match flags {
        0 => Some(false),
        HAS_SECRET => Some(true),
        _ => None,
    }
}

/// Fields that are still to be read.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What was read, if nothing is left.
    fn end<T>(&self, read: T) -> Option<T> {
        self.0.is_empty().then_some(read)
    }
}

#[cfg(test)]
mod tests;
