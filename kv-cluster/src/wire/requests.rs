//! Requests that are passed on, and what became of them. Of a request, its command and its fault
//! travel; its identity is its [`Once`], and how recent reads are is the leader's present.

use bytes::{BufMut, BytesMut};
use kv_proto::native::{decode_reply, encode_reply};
use kv_proto::{Command, Reply, Request};

use super::fields::Fields;
use super::{WireError, narrow, put_bytes};
use crate::{Answer, Forward, Once};

/// A request is at least so long: no fault, and a command of one byte.
const REQUEST_BYTES_MIN: usize = 6;
const REPLY_BYTES_MIN: usize = 5;

pub(super) fn put_forward(forward: &Forward, out: &mut impl BufMut) {
    let is_once = !forward.once.is_empty();
    assert!(
        !is_once || forward.once.len() == forward.requests.len(),
        "one for each request, or none"
    );
    out.put_u64_le(forward.id);
    out.put_u8(u8::from(is_once));
    out.put_u32_le(narrow(forward.requests.len()));
    let mut command = BytesMut::new();
    for (place, request) in forward.requests.iter().enumerate() {
        if let Some(once) = forward.once.get(place) {
            out.put_u64_le(once.client);
            out.put_u64_le(once.sequence);
        }
        out.put_u8(u8::from(request.fault.is_some()));
        if let Some(chance) = request.fault {
            out.put_f64_le(chance);
        }
        command.clear();
        request.command.encode(&mut command);
        put_bytes(&command, out);
    }
}

pub(super) fn take_forward(fields: &mut Fields) -> Result<Forward, WireError> {
    let id = fields.u64()?;
    let is_once = fields.bool("once")?;
    let count = fields.u32()? as usize;
    let both = fields.list(count, REQUEST_BYTES_MIN, |fields| {
        let once = is_once.then(|| take_once(fields)).transpose()?;
        Ok((once, take_request(fields)?))
    })?;
    if is_once && both.is_empty() {
        return Err(WireError::BadField("once"));
    }
    let (once, requests): (Vec<Option<Once>>, Vec<Request>) = both.into_iter().unzip();
    Ok(Forward {
        id,
        requests,
        once: once.into_iter().flatten().collect(),
    })
}

fn take_once(fields: &mut Fields) -> Result<Once, WireError> {
    Ok(Once {
        client: fields.u64()?,
        sequence: fields.u64()?,
    })
}

fn take_request(fields: &mut Fields) -> Result<Request, WireError> {
    let has_fault = fields.bool("fault")?;
    let fault = has_fault.then(|| take_chance(fields)).transpose()?;
    let command = Command::decode(fields.bytes()?).map_err(|_| WireError::BadField("command"))?;
    Ok(Request {
        fault,
        ..Request::from(command)
    })
}

fn take_chance(fields: &mut Fields) -> Result<f64, WireError> {
    let chance = fields.f64()?;
    match (0.0..=1.0).contains(&chance) {
        true => Ok(chance),
        false => Err(WireError::BadField("fault")),
    }
}

pub(super) fn put_answer(answer: &Answer, out: &mut impl BufMut) {
    out.put_u64_le(answer.id);
    out.put_u64_le(answer.ordinal);
    out.put_u32_le(narrow(answer.replies.len()));
    let mut bytes = BytesMut::new();
    for reply in &answer.replies {
        bytes.clear();
        encode_reply(reply, &mut bytes);
        put_bytes(&bytes, out);
    }
}

pub(super) fn take_answer(fields: &mut Fields) -> Result<Answer, WireError> {
    let (id, ordinal) = (fields.u64()?, fields.u64()?);
    let count = fields.u32()? as usize;
    let replies = fields.list(count, REPLY_BYTES_MIN, take_reply)?;
    Ok(Answer {
        id,
        replies,
        ordinal,
    })
}

fn take_reply(fields: &mut Fields) -> Result<Reply, WireError> {
    decode_reply(fields.bytes()?).map_err(|_| WireError::BadField("reply"))
}
