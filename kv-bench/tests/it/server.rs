//! A tiny RESP server that can be told to misbehave.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use kv_bench::protocol::resp::Token;

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
    let mut input = Vec::new();
    let mut served = 0;
    loop {
        let mut output = Vec::new();
        while let Some((request, used)) = request(&input) {
            input.drain(..used);
            served += 1;
            answer(&request, served, data, manner, &mut output);
            if manner == Manner::Hasty && served == 100 {
                return stream.write_all(&output);
            }
        }
        stream.write_all(&output)?;
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        input.extend_from_slice(&chunk[..count]);
    }
}

fn request(input: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let (Token::Array(count), mut used) = Token::read(input).unwrap()? else {
        panic!("a request is an array");
    };
    let mut arguments = Vec::new();
    for _ in 0..count {
        let (Token::Bulk(argument), bytes) = Token::read(&input[used..]).unwrap()? else {
            panic!("an argument is a bulk string");
        };
        arguments.push(argument.to_vec());
        used += bytes;
    }
    Some((arguments, used))
}

fn answer(request: &[Vec<u8>], served: u64, data: &Data, manner: Manner, output: &mut Vec<u8>) {
    match manner {
        Manner::Silent => return,
        Manner::Babbling => return output.extend_from_slice(b"?\r\n"),
        Manner::Busy if served.is_multiple_of(10) => {
            return output.extend_from_slice(b"-BUSY try later\r\n");
        }
        _ => {}
    }
    let mut data = data.lock().unwrap();
    match request {
        [name, key] if name == b"GET" => match data.get(key) {
            None => output.extend_from_slice(b"$-1\r\n"),
            Some(value) => {
                write!(output, "${}\r\n", value.len()).unwrap();
                output.extend_from_slice(value);
                output.extend_from_slice(b"\r\n");
            }
        },
        [name, key, value] if name == b"SET" => {
            if manner == Manner::Forgetful {
                data.entry(key.clone()).or_insert_with(|| value.clone());
            } else {
                data.insert(key.clone(), value.clone());
            }
            output.extend_from_slice(b"+OK\r\n");
        }
        _ => panic!("only GET and SET are asked"),
    }
}
