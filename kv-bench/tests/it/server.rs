//! A tiny server of both protocols that can be told to misbehave.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bytes::{Buf, BytesMut};
use kv_bench::protocol::resp::Token;
use kv_proto::native::{
    Incoming, PREFACE_BYTES, Preface, RequestBody, ServerCodec, encode_reply_frame,
};
use kv_proto::{Command, ErrorCode, ErrorReply, Limits, Reply, WireLimits};
use tokio_util::codec::Decoder;

/// What the server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing.
    Honest,
    /// Acknowledges writes and stores only the first under each key.
    Forgetful,
    /// Refuses every tenth request.
    Busy,
    /// Closes each connection after a hundred requests.
    Hasty,
    /// Never answers.
    Silent,
    /// Answers what nobody understands.
    Babbling,
}

type Data = Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>;

/// Serves on a free port until the test ends.
pub(crate) fn start(manner: Manner) -> (SocketAddr, Data) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let data = Data::default();
    let shared = Arc::clone(&data);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let data = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream.unwrap(), &data, manner));
        }
    });
    (addr, data)
}

/// Ends with an error when the client leaves, which is how every test ends.
fn serve(mut stream: TcpStream, data: &Data, manner: Manner) -> io::Result<()> {
    let mut dialogue = Dialogue::default();
    let mut served_count = 0;
    loop {
        let mut output = BytesMut::new();
        while let Some((id, question)) = dialogue.next(&mut output) {
            served_count += 1;
            match manner {
                Manner::Silent => {}
                Manner::Babbling => output.extend_from_slice(b"?\r\n??????????"),
                Manner::Busy if served_count % 10 == 0 => {
                    dialogue.say(id, &busy(), &mut output);
                }
                _ => dialogue.say(id, &answer(question, data, manner), &mut output),
            }
            if manner == Manner::Hasty && served_count == 100 {
                return stream.write_all(&output);
            }
        }
        stream.write_all(&output)?;
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        dialogue.input.extend_from_slice(&chunk[..count]);
    }
}

fn busy() -> Reply {
    ErrorReply::new(ErrorCode::Busy, "try later").into()
}

fn answer(question: Question, data: &Data, manner: Manner) -> Reply {
    let mut data = data.lock().unwrap();
    match question {
        Question::Get(key) => match data.get(&key) {
            None => Reply::Nil,
            Some(value) => Reply::Bytes(value.clone().into()),
        },
        Question::Set(key, value) => {
            if manner == Manner::Forgetful {
                data.entry(key).or_insert(value);
            } else {
                data.insert(key, value);
            }
            Reply::Ok
        }
    }
}

/// What a client asks.
enum Question {
    Get(Vec<u8>),
    Set(Vec<u8>, Vec<u8>),
}

/// One connection in the protocol that its first byte chooses.
#[derive(Default)]
struct Dialogue {
    input: BytesMut,
    is_native: Option<bool>,
}

impl Dialogue {
    /// The next question and its number.
    fn next(&mut self, output: &mut BytesMut) -> Option<(u64, Question)> {
        let first = *self.input.first()?;
        if self.is_native.is_none() {
            self.is_native = Some(first == 0);
            if first == 0 {
                let preface = self.input.split_to(PREFACE_BYTES);
                let preface = Preface::decode_client(preface[..].try_into().unwrap()).unwrap();
                output.extend_from_slice(&Preface::answer(preface, false).encode());
            }
        }
        if self.is_native == Some(true) {
            self.next_frame()
        } else {
            self.next_array()
        }
    }

    fn next_frame(&mut self) -> Option<(u64, Question)> {
        let mut codec = ServerCodec::new(WireLimits::default(), Limits::default());
        let Incoming { id, body } = codec.decode(&mut self.input).unwrap()?;
        let RequestBody::Command(request) = body.unwrap() else {
            panic!("only commands are asked");
        };
        let question = match request.command {
            Command::Get(key) => Question::Get(key.into()),
            Command::Set(set) => Question::Set(set.key.into(), set.value.payload.into()),
            _ => panic!("only reads and writes are asked"),
        };
        Some((id, question))
    }

    fn next_array(&mut self) -> Option<(u64, Question)> {
        let (Token::Array(count), mut used) = Token::read(&self.input).unwrap()? else {
            panic!("a request is an array");
        };
        let mut arguments = Vec::new();
        for _ in 0..count {
            let (Token::Bulk(argument), bytes) = Token::read(&self.input[used..]).unwrap()? else {
                panic!("an argument is a bulk string");
            };
            arguments.push(argument.to_vec());
            used += bytes;
        }
        self.input.advance(used);
        let question = match &arguments[..] {
            [name, key] if name == b"GET" => Question::Get(key.clone()),
            [name, key, value] if name == b"SET" => Question::Set(key.clone(), value.clone()),
            _ => panic!("only GET and SET are asked"),
        };
        Some((0, question))
    }

    fn say(&self, id: u64, reply: &Reply, output: &mut BytesMut) {
        if self.is_native == Some(true) {
            return encode_reply_frame(id, reply, output);
        }
        match reply {
            Reply::Ok => output.extend_from_slice(b"+OK\r\n"),
            Reply::Nil => output.extend_from_slice(b"$-1\r\n"),
            Reply::Bytes(value) => {
                output.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
                output.extend_from_slice(value);
                output.extend_from_slice(b"\r\n");
            }
            Reply::Error(error) => output.extend_from_slice(format!("-{error}\r\n").as_bytes()),
            _ => panic!("nothing else is said"),
        }
    }
}
