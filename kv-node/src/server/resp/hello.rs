//! HELLO and AUTH.

use kv_proto::credentials::Credentials;
use kv_proto::reply::{ErrorCode, ErrorReply, Reply};
use kv_proto::resp::{Hello, Protocol};

use super::Peer;
use crate::backend::Backend;
use crate::server::info::REDIS_VERSION;

impl<B: Backend> Peer<B> {
    pub(super) async fn hello(&mut self, hello: Hello) -> Reply {
        if let Some(credentials) = hello.credentials
            && let Err(error) = self.authenticate(&credentials).await
        {
            return error.into();
        }
        if !self.is_authenticated {
            return hello_before_auth().into();
        }
        if let Some(name) = hello.name {
            self.client.profile.lock().name = name;
        }
        if let Some(protocol) = hello.protocol {
            self.set_protocol(protocol);
        }
        self.greeting()
    }

    pub(super) async fn auth(&mut self, credentials: Credentials) -> Reply {
        match self.authenticate(&credentials).await {
            Ok(()) => Reply::Ok,
            Err(error) => error.into(),
        }
    }

    async fn authenticate(&mut self, credentials: &Credentials) -> Result<(), ErrorReply> {
        let source = self.client.peer.ip();
        let user = credentials.user.as_deref();
        let check = self.hub.check_password(source, user, &credentials.password);
        let result = check.await;
        match &result {
            Ok(()) => self.is_authenticated = true,
            Err(_) => self.metrics().auth_failures.add(1),
        }
        result
    }

    pub(super) fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client.profile.lock().resp_version = match protocol {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        };
    }

    fn greeting(&self) -> Reply {
        let text = Reply::text;
        let id = i64::try_from(self.client.id).unwrap_or(i64::MAX);
        Reply::Map(vec![
            (text("server"), text("redis")),
            (text("version"), text(REDIS_VERSION)),
            (text("proto"), Reply::Int(self.protocol.number())),
            (text("id"), Reply::Int(id)),
            (text("mode"), text("standalone")),
            (text("role"), text(self.backend.status().role)),
            (text("modules"), Reply::Array(Vec::new())),
        ])
    }
}

fn hello_before_auth() -> ErrorReply {
    ErrorReply::new(
        ErrorCode::NoAuth,
        "HELLO must be called with the client already authenticated, otherwise the HELLO <proto> \
         AUTH <user> <pass> option can be used to authenticate the client and select the RESP \
         protocol version at the same time",
    )
}
