//! The first byte of a command; below [`SET`] are those that only read.

pub(super) const GET: u8 = 0x01;
pub(super) const MGET: u8 = 0x02;
pub(super) const EXISTS: u8 = 0x03;
pub(super) const TYPE: u8 = 0x04;
pub(super) const STR_LEN: u8 = 0x05;
pub(super) const GET_RANGE: u8 = 0x06;
pub(super) const TTL: u8 = 0x07;
pub(super) const DB_SIZE: u8 = 0x08;
pub(super) const RANDOM_KEY: u8 = 0x09;
pub(super) const KEYS: u8 = 0x0a;
pub(super) const SCAN: u8 = 0x0b;
pub(super) const RANGE: u8 = 0x0c;
pub(super) const META: u8 = 0x0d;
pub(super) const TOUCH: u8 = 0x0e;
pub(super) const VERSIONS: u8 = 0x0f;

pub(super) const SET: u8 = 0x40;
pub(super) const SET_WITH: u8 = 0x41;
pub(super) const MSET: u8 = 0x42;
pub(super) const DEL: u8 = 0x43;
pub(super) const GET_DEL: u8 = 0x44;
pub(super) const GET_EX: u8 = 0x45;
pub(super) const APPEND: u8 = 0x46;
pub(super) const SET_RANGE: u8 = 0x47;
pub(super) const INCR_BY: u8 = 0x48;
pub(super) const INCR_BY_FLOAT: u8 = 0x49;
pub(super) const RENAME: u8 = 0x4a;
pub(super) const COPY: u8 = 0x4b;
pub(super) const EXPIRE_AT: u8 = 0x4c;
pub(super) const PERSIST: u8 = 0x4d;
pub(super) const FLUSH: u8 = 0x4e;
pub(super) const CAS: u8 = 0x4f;
pub(super) const TRANSACTION: u8 = 0x50;
pub(super) const SWEEP: u8 = 0x51;
