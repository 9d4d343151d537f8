//! The native protocol.

use bytes::{Bytes, BytesMut};
use kv_node::server::ServerSettings;
use kv_proto::command::{Command, Set};
use kv_proto::control::{AdminRequest, ClientHello};
use kv_proto::credentials::Credentials;
use kv_proto::native::{
    ClientCodec, PREFACE_BYTES, Preface, ReplyBody, ReplyFrame, RequestBody, RequestFrame,
};
use kv_proto::value::{EncodedValue, Value};
use kv_proto::{ErrorCode, Position, ReadLevel, Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder, Encoder};

use crate::server_client::{TestServer, settings};

struct NativeClient {
    stream: TcpStream,
    codec: ClientCodec,
    input: BytesMut,
}

impl NativeClient {
    async fn connect(server: &TestServer) -> (NativeClient, Preface) {
        let address = server.running.listen_address();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&Preface::client().encode()).await.unwrap();
        let mut preface = [0; PREFACE_BYTES];
        stream.read_exact(&mut preface).await.unwrap();
        let client = NativeClient {
            stream,
            codec: ClientCodec::default(),
            input: BytesMut::new(),
        };
        (client, Preface::decode_server(preface).unwrap())
    }

    async fn send(&mut self, requests: impl IntoIterator<Item = (u64, RequestBody)>) {
        let mut bytes = BytesMut::new();
        for (id, body) in requests {
            let frame = RequestFrame { id, body };
            self.codec.encode(frame, &mut bytes).unwrap();
        }
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// The next frame; `None` if the server closed.
    async fn receive(&mut self) -> Option<ReplyFrame> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.input).unwrap() {
                return Some(frame);
            }
            let read = self.stream.read_buf(&mut self.input);
            let patience = std::time::Duration::from_secs(30);
            let read = tokio::time::timeout(patience, read).await;
            if read.expect("the server answers").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn ask(&mut self, body: RequestBody) -> Reply {
        self.send([(7, body)]).await;
        let frame = self.receive().await.unwrap();
        assert_eq!(frame.id, 7);
        match frame.body {
            ReplyBody::Reply(reply) => reply,
            other => panic!("{other:?}"),
        }
    }
}

fn get(key: &'static str) -> RequestBody {
    RequestBody::Command(Command::Get(key.into()).into())
}

fn set(key: &'static str, value: &Value) -> RequestBody {
    let set = Set::new(key.into(), EncodedValue::from(value));
    RequestBody::Command(Command::Set(set).into())
}

#[tokio::test]
async fn typed_values_round_trip() {
    let server = TestServer::start(settings()).await;
    let (mut client, preface) = NativeClient::connect(&server).await;
    assert!(!preface.auth_required);
    let value = Value::List(vec![Value::Int(1), Value::Null, Value::Str("x".into())]);
    assert_eq!(client.ask(set("k", &value)).await, Reply::Ok);
    let expected = Reply::Value(EncodedValue::from(&value));
    assert_eq!(client.ask(get("k")).await, expected);
    assert_eq!(client.ask(RequestBody::Ping).await, Reply::Ok);
}

#[tokio::test]
async fn pipelined_requests_are_one_batch_and_replies_carry_their_ids() {
    let server = TestServer::start(settings()).await;
    let (mut client, _) = NativeClient::connect(&server).await;
    let incr = || {
        RequestBody::Command(
            Command::IncrBy {
                key: "n".into(),
                delta: 1,
            }
            .into(),
        )
    };
    client.send((0..300).map(|id| (id * 10, incr()))).await;
    for number in 0..300 {
        let frame = client.receive().await.unwrap();
        assert_eq!(frame.id, number * 10);
        let count = Reply::Int(number.cast_signed() + 1);
        assert_eq!(frame.body, ReplyBody::Reply(count));
    }
    let calls = server
        .backend
        .call_count
        .load(std::sync::atomic::Ordering::Relaxed);
    assert!(calls < 30, "{calls} calls for 300 pipelined requests");
}

#[tokio::test]
async fn hello_tells_limits_and_status_is_json() {
    let server = TestServer::start(settings()).await;
    let (mut client, _) = NativeClient::connect(&server).await;
    let hello = ClientHello {
        client_name: "tests".into(),
        client_version: "1".into(),
    };
    client.send([(1, RequestBody::Hello(hello))]).await;
    let frame = client.receive().await.unwrap();
    let ReplyBody::Hello(hello) = frame.body else {
        panic!("{frame:?}");
    };
    assert_eq!(hello.mode, "standalone");
    assert_eq!(hello.limits.frame_bytes_max, 16 << 20);
    let Reply::Bytes(json) = client.ask(RequestBody::Status).await else {
        panic!("not bytes");
    };
    let status: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(status["role"], "master");
}

#[tokio::test]
async fn nothing_but_authentication_is_answered_before_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret").unwrap();
    let server = TestServer::start(ServerSettings {
        password_file: Some(file.path().into()),
        ..settings()
    })
    .await;
    let (mut client, preface) = NativeClient::connect(&server).await;
    assert!(preface.auth_required);
    let code_of = |reply: Reply| match reply {
        Reply::Error(error) => error.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code_of(client.ask(get("a")).await), ErrorCode::NoAuth);
    let credentials = |password: &'static str| {
        RequestBody::Auth(Credentials {
            user: None,
            password: Bytes::from_static(password.as_bytes()),
        })
    };
    let wrong = client.ask(credentials("wrong")).await;
    assert_eq!(code_of(wrong), ErrorCode::WrongPass);
    assert_eq!(client.ask(credentials("secret")).await, Reply::Ok);
    assert_eq!(client.ask(get("a")).await, Reply::Nil);
}

#[tokio::test]
async fn faults_are_refused_unless_the_server_allows_them() {
    let faulty = || {
        let set = Command::Set(Set::new("k".into(), EncodedValue::from_bytes("v".into())));
        RequestBody::Command(Request {
            fault: Some(1.0),
            ..set.into()
        })
    };
    let server = TestServer::start(settings()).await;
    let (mut client, _) = NativeClient::connect(&server).await;
    assert!(matches!(client.ask(faulty()).await, Reply::Error(_)));
    let server = TestServer::start(ServerSettings {
        debug_faults: true,
        ..settings()
    })
    .await;
    let (mut client, _) = NativeClient::connect(&server).await;
    assert_eq!(client.ask(faulty()).await, Reply::Ok);
}

#[tokio::test]
async fn only_replies_that_were_asked_to_say_what_they_follow() {
    let server = TestServer::start(settings()).await;
    let (mut client, _) = NativeClient::connect(&server).await;
    let asking = RequestBody::Command(Request {
        asks_position: true,
        ..Command::DbSize.into()
    });
    let value = Value::Int(1);
    client
        .send([(1, set("k", &value)), (2, asking), (3, get("k"))])
        .await;
    let mut positions = Vec::new();
    for _ in 0..3 {
        positions.push(client.receive().await.unwrap().position);
    }
    let position = Position {
        applied: 1,
        age_ms: 7,
    };
    assert_eq!(positions, [None, Some(position), None]);
}

#[tokio::test]
async fn a_stale_read_reaches_the_backend_as_one() {
    let server = TestServer::start(settings()).await;
    let (mut client, _) = NativeClient::connect(&server).await;
    let read = ReadLevel::Stale { after: Some(5) };
    let request = Request {
        read,
        ..Command::DbSize.into()
    };
    client.ask(RequestBody::Command(request)).await;
    assert_eq!(*server.backend.read_levels.lock(), [read]);
}

#[tokio::test]
async fn what_an_operator_asks_reaches_the_backend() {
    let server = TestServer::start(settings()).await;
    let (mut client, _) = NativeClient::connect(&server).await;
    let request = AdminRequest::Remove { id: 2 };
    let reply = client.ask(RequestBody::Admin(request)).await;
    assert_eq!(reply, Reply::Status("Remove { id: 2 }".into()));
}

#[tokio::test]
async fn a_bad_payload_is_answered_and_the_next_frame_served() {
    let server = TestServer::start(settings()).await;
    let (mut client, _) = NativeClient::connect(&server).await;
    // A frame of kind 1 with an opcode that no command has.
    let mut bytes = 11u32.to_le_bytes().to_vec();
    bytes.extend_from_slice(&5u64.to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 0xff]);
    client.stream.write_all(&bytes).await.unwrap();
    let frame = client.receive().await.unwrap();
    assert_eq!(frame.id, 5);
    assert!(matches!(frame.body, ReplyBody::Reply(Reply::Error(_))));
    assert_eq!(client.ask(get("a")).await, Reply::Nil);
}

#[tokio::test]
async fn a_frame_beyond_the_limit_is_answered_and_ends_the_connection() {
    let server = TestServer::start(settings()).await;
    let (mut client, _) = NativeClient::connect(&server).await;
    client
        .stream
        .write_all(&u32::MAX.to_le_bytes())
        .await
        .unwrap();
    let frame = client.receive().await.unwrap();
    assert_eq!(frame.id, 0);
    assert!(matches!(frame.body, ReplyBody::Reply(Reply::Error(_))));
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn something_else_that_begins_with_zero_is_closed() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    client.send(b"\0KVX\x01\0\0\0").await;
    assert_eq!(client.read_to_end().await, b"");
}
