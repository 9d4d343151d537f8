//! HTTP basic authentication with the clients' password.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::View;

/// Lets a request through if none is needed or it has the password.
pub(super) async fn check(State(view): State<Arc<View>>, request: Request, next: Next) -> Response {
    let is_right = view.password.as_ref().is_none_or(|password| {
        given_password(request.headers()).is_some_and(|given| password.matches(&given))
    });
    if is_right {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"kv\"")];
    (StatusCode::UNAUTHORIZED, challenge, "password needed\n").into_response()
}

fn given_password(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(encoded.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password_in(value: &str) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        given_password(&headers)
    }

    #[test]
    fn password_is_what_follows_the_colon() {
        let pair = STANDARD.encode("user:pass:word");
        assert_eq!(
            password_in(&format!("Basic {pair}")),
            Some(b"pass:word".to_vec())
        );
        for bad in ["", "Basic", "Basic !", "Bearer x", "Basic dXNlcg=="] {
            assert_eq!(password_in(bad), None, "{bad}");
        }
        assert_eq!(given_password(&HeaderMap::new()), None);
    }
}
