//! A run of entries, compressed.
//!
//! ```text
//! block = stored_len u32 | raw_len u32 | entry_count u32 | crc32c u32 | stored bytes
//! raw   = entry*
//! entry = key_len u16 | tag u8 | flags u8 | version u64 | expires_at_ms u64, with flag 1
//!       | payload_len u32 | dimensions u16, with flag 2 | key | payload
//!       | vector f32*                                                          little-endian
//! ```
//!
//! 1. The stored bytes are the raw ones as an LZ4 block, or the raw ones themselves where that is
//!    not shorter; then `stored_len` is `raw_len`.
//! 2. The checksum covers the block's place, its lengths and its bytes, and starts from that of
//!    the file's header: a block that was moved is damaged.

use kv_proto::{Entry, Tag};

use super::Damage;

/// A block is closed when its entries have so many bytes; one large entry may exceed it.
pub(super) const RAW_BYTES: usize = 128 << 10;

/// Bytes in front of the stored ones.
pub(super) const HEADER_BYTES: usize = 16;

/// LZ4 makes no more than this many bytes out of one.
const LZ4_RATIO_MAX: usize = 255;

/// The entry has an expiry.
const FLAG_EXPIRY: u8 = 1;

/// The entry has a vector. Readers before this flag take the file for damaged.
const FLAG_VECTOR: u8 = 2;

/// What an entry without a key and a payload takes before compression.
const ENTRY_BYTES_MIN: usize = 16;

/// Collects entries for a block.
#[derive(Default)]
pub(super) struct BlockBuilder {
    raw: Vec<u8>,
    entry_count: u32,
    stored: Vec<u8>,
}

impl BlockBuilder {
    /// Adds an entry; whether the block is full now.
    pub(super) fn push(&mut self, entry: &Entry) -> bool {
        encode_entry(entry, &mut self.raw);
        self.entry_count += 1;
        self.raw.len() >= RAW_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entry_count == 0
    }

    /// Bytes of its entries before compression.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw.len() as u64
    }

    /// The block's bytes for `offset` of a file whose header has the checksum `file_crc`; empties
    /// it for the next one.
    pub(super) fn finish(&mut self, file_crc: u32, offset: u64) -> &[u8] {
        let bound = lz4_flex::block::get_maximum_output_size(self.raw.len());
        self.stored.clear();
        self.stored.resize(HEADER_BYTES + bound, 0);
        let compressed =
            lz4_flex::block::compress_into(&self.raw, &mut self.stored[HEADER_BYTES..])
                .expect("the output has the size that compression asks for");
        let stored_len = if compressed < self.raw.len() {
            compressed
        } else {
            self.stored[HEADER_BYTES..HEADER_BYTES + self.raw.len()].copy_from_slice(&self.raw);
            self.raw.len()
        };
        self.stored.truncate(HEADER_BYTES + stored_len);
        self.seal(file_crc, offset);
        self.raw.clear();
        self.entry_count = 0;
        &self.stored
    }

    fn seal(&mut self, file_crc: u32, offset: u64) {
        let (header, stored) = self.stored.split_at_mut(HEADER_BYTES);
        header[..4].copy_from_slice(&len_u32(stored.len()).to_le_bytes());
        header[4..8].copy_from_slice(&len_u32(self.raw.len()).to_le_bytes());
        header[8..12].copy_from_slice(&self.entry_count.to_le_bytes());
        let crc = block_crc(file_crc, offset, &header[..12], stored);
        header[12..].copy_from_slice(&crc.to_le_bytes());
    }
}

/// The most entries that blocks of `stored` bytes can hold, however well they compress.
pub(super) fn entry_count_max(stored: u64) -> u64 {
    stored.saturating_mul(LZ4_RATIO_MAX.div_ceil(ENTRY_BYTES_MIN) as u64)
}

fn len_u32(len: usize) -> u32 {
    u32::try_from(len).expect("one entry is far shorter than 4 GiB")
}

fn block_crc(file_crc: u32, offset: u64, lens: &[u8], stored: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(file_crc, &offset.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(crc, lens), stored)
}

fn encode_entry(entry: &Entry, out: &mut Vec<u8>) {
    let (key, payload) = (entry.key(), entry.payload());
    let key_len = u16::try_from(key.len()).expect("an entry's key length is a u16");
    let dimensions = u16::try_from(entry.dimensions()).expect("an entry counts them in a u16");
    let expiry_flag = entry.expires_at_ms().map_or(0, |_| FLAG_EXPIRY);
    let vector_flag = if dimensions > 0 { FLAG_VECTOR } else { 0 };
    out.reserve(26 + key.len() + payload.len() + entry.vector_bytes().len());
    out.extend_from_slice(&key_len.to_le_bytes());
    out.extend_from_slice(&[entry.tag() as u8, expiry_flag | vector_flag]);
    out.extend_from_slice(&entry.version().to_le_bytes());
    if let Some(at_ms) = entry.expires_at_ms() {
        out.extend_from_slice(&at_ms.to_le_bytes());
    }
    out.extend_from_slice(&len_u32(payload.len()).to_le_bytes());
    if dimensions > 0 {
        out.extend_from_slice(&dimensions.to_le_bytes());
    }
    out.extend_from_slice(key);
    out.extend_from_slice(payload);
    out.extend_from_slice(entry.vector_bytes());
}

/// A block whose checksum matched.
#[derive(Debug)]
pub(super) struct Block {
    raw: Vec<u8>,
    entry_count: u32,
}

/// Where in a block something is wrong, and what.
pub(super) type BlockError = (u64, Damage);

impl Block {
    /// Reads the block that is all of `bytes`, from `offset` of its file.
    pub(super) fn decode(file_crc: u32, offset: u64, bytes: &[u8]) -> Result<Block, BlockError> {
        let (header, stored) = bytes
            .split_at_checked(HEADER_BYTES)
            .ok_or((0, Damage::Malformed("a block is shorter than its header")))?;
        let expected = field_u32(header, 12);
        let found = block_crc(file_crc, offset, &header[..12], stored);
        if found != expected {
            return Err((0, Damage::Crc { found, expected }));
        }
        if field_u32(header, 0) as usize != stored.len() {
            return Err((0, Damage::Malformed("a block's length is not its own")));
        }
        let raw = decompress(stored, field_u32(header, 4) as usize)?;
        let entry_count = field_u32(header, 8);
        Ok(Block { raw, entry_count })
    }

    /// The entries in order; an error if they do not fill the block exactly.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, BlockError> {
        let mut rest = &self.raw[..];
        let room = self.raw.len() / ENTRY_BYTES_MIN;
        let mut entries = Vec::with_capacity((self.entry_count as usize).min(room));
        while !rest.is_empty() {
            let entry = decode_entry(&mut rest)
                .ok_or((0, Damage::Malformed("a block's entries do not fill it")))?;
            entries.push(entry);
        }
        if entries.len() != self.entry_count as usize {
            return Err((
                0,
                Damage::Malformed("a block's entries are not as many as it says"),
            ));
        }
        Ok(entries)
    }
}

fn decompress(stored: &[u8], raw_len: usize) -> Result<Vec<u8>, BlockError> {
    if raw_len == stored.len() {
        return Ok(stored.to_vec());
    }
    let malformed = (
        HEADER_BYTES as u64,
        Damage::Malformed("a block does not decompress"),
    );
    if raw_len > stored.len().saturating_mul(LZ4_RATIO_MAX) {
        return Err(malformed);
    }
    match lz4_flex::block::decompress(stored, raw_len) {
        Ok(raw) if raw.len() == raw_len => Ok(raw),
        _ => Err(malformed),
    }
}

fn field_u32(header: &[u8], at: usize) -> u32 {
    let bytes = header[at..at + 4].try_into();
    u32::from_le_bytes(bytes.expect("a slice of four bytes"))
}

fn decode_entry(rest: &mut &[u8]) -> Option<Entry> {
    let key_len = u16::from_le_bytes(take(rest)?);
    let [tag, flags] = take(rest)?;
    if flags & !(FLAG_EXPIRY | FLAG_VECTOR) != 0 {
        return None;
    }
    let version = u64::from_le_bytes(take(rest)?);
    let expires_at_ms = match flags & FLAG_EXPIRY {
        0 => None,
        _ => Some(u64::from_le_bytes(take(rest)?)),
    };
    let payload_len = u32::from_le_bytes(take(rest)?) as usize;
    let dimensions = match flags & FLAG_VECTOR {
        0 => 0,
        _ => Some(u16::from_le_bytes(take(rest)?)).filter(|count| *count > 0)?,
    };
    let (key, tail) = rest.split_at_checked(usize::from(key_len))?;
    let (payload, tail) = tail.split_at_checked(payload_len)?;
    let (vector, tail) = tail.split_at_checked(usize::from(dimensions) * size_of::<f32>())?;
    *rest = tail;
    let tag = Tag::from_u8(tag)?;
    Some(Entry::with_vector(
        key,
        tag,
        payload,
        vector,
        version,
        expires_at_ms,
    ))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}
