//! Messages about snapshots on their way.

use bytes::BufMut;
use kv_node::Stamp;
use kv_node::snapshot::PartSummary;

use super::WireError;
use super::fields::Fields;
use crate::{Chunk, ChunkAck, Offer, SnapshotId};

const PART_BYTES: usize = 20;

pub(super) fn put_offer(offer: &Offer, out: &mut impl BufMut) {
    put_id(offer.id, out);
    for field in [
        offer.leader_term,
        offer.stamp.index,
        offer.stamp.now_ms,
        offer.finished_at_ms,
        offer.annex_bytes,
    ] {
        out.put_u64_le(field);
    }
    out.put_u32_le(offer.annex_crc);
    let count = u16::try_from(offer.parts.len()).expect("a snapshot has at most 1,024 parts");
    out.put_u16_le(count);
    for part in &offer.parts {
        out.put_u64_le(part.file_bytes);
        out.put_u64_le(part.entry_count);
        out.put_u32_le(part.trailer_crc);
    }
}

pub(super) fn take_offer(fields: &mut Fields) -> Result<Offer, WireError> {
    Ok(Offer {
        id: take_id(fields)?,
        leader_term: fields.u64()?,
        stamp: Stamp {
            index: fields.u64()?,
            now_ms: fields.u64()?,
        },
        finished_at_ms: fields.u64()?,
        annex_bytes: fields.u64()?,
        annex_crc: fields.u32()?,
        parts: take_parts(fields)?,
    })
}

fn take_parts(fields: &mut Fields) -> Result<Vec<PartSummary>, WireError> {
    let count = usize::from(fields.u16()?);
    if count > Offer::PARTS_MAX {
        return Err(WireError::BadField("number of parts"));
    }
    fields.list(count, PART_BYTES, |fields| {
        Ok(PartSummary {
            file_bytes: fields.u64()?,
            entry_count: fields.u64()?,
            trailer_crc: fields.u32()?,
        })
    })
}

pub(super) fn put_chunk(chunk: &Chunk, out: &mut impl BufMut) {
    put_id(chunk.id, out);
    out.put_u16_le(chunk.file);
    out.put_u64_le(chunk.offset);
    out.put_u32_le(chunk.crc);
    out.put_slice(&chunk.bytes);
}

pub(super) fn take_chunk(fields: &mut Fields) -> Result<Chunk, WireError> {
    let chunk = Chunk {
        id: take_id(fields)?,
        file: fields.u16()?,
        offset: fields.u64()?,
        crc: fields.u32()?,
        bytes: fields.rest(),
    };
    match chunk.bytes.len() <= Chunk::BYTES_MAX {
        true => Ok(chunk),
        false => Err(WireError::BadField("length of a chunk")),
    }
}

pub(super) fn put_ack(ack: &ChunkAck, out: &mut impl BufMut) {
    put_id(ack.id, out);
    out.put_u16_le(ack.file);
    out.put_u64_le(ack.offset);
    out.put_u8(u8::from(ack.is_refused));
}

pub(super) fn take_ack(fields: &mut Fields) -> Result<ChunkAck, WireError> {
    Ok(ChunkAck {
        id: take_id(fields)?,
        file: fields.u16()?,
        offset: fields.u64()?,
        is_refused: fields.bool("refusal")?,
    })
}

fn put_id(id: SnapshotId, out: &mut impl BufMut) {
    out.put_u64_le(id.index);
    out.put_u64_le(id.term);
}

fn take_id(fields: &mut Fields) -> Result<SnapshotId, WireError> {
    Ok(SnapshotId {
        index: fields.u64()?,
        term: fields.u64()?,
    })
}
