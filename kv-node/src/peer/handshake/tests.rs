//! The handshake's bytes and proofs.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn hello() -> Hello {
    Hello {
        lane: Lane::Bulk,
        has_secret: true,
        cluster_id: 0x0102_0304_0506_0708,
        from: 1,
        to: 2,
        instance: 3,
        nonce: [0xaa; 32],
    }
}

fn challenge() -> Challenge {
    Challenge {
        has_secret: true,
        instance: 4,
        nonce: [0xbb; 32],
    }
}

fn meeting() -> Meeting {
    Meeting {
        hello: hello(),
        challenge: challenge(),
    }
}

fn secret(text: &str) -> Secret {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    Secret::from_file(file.path()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn messages_have_the_documented_bytes() {
    assert_eq!(
        hex(&hello().encode()),
        format!(
            "01010807060504030201{}{}{}{}",
            "0100000000000000",
            "0200000000000000",
            "0300000000000000",
            "aa".repeat(32)
        )
    );
    assert_eq!(
        hex(&challenge().encode()),
        format!("010400000000000000{}", "bb".repeat(32))
    );
    let refused = Refused::WrongNode {
        wanted: 5,
        found: 6,
    };
    assert_eq!(hex(&refused.encode()), "0205000000000000000600000000000000");
}

#[test]
fn proofs_have_the_documented_bytes() {
    let secret = secret("the secret\n");
    let proof = meeting().proof(Role::Dialler, Some(&secret));
    assert_eq!(
        hex(&proof),
        "08dce265aa03ba908db7a0ef77c57e096636c3594a6f6c8bff735581cc32680a"
    );
    let proof = meeting().proof(Role::Acceptor, Some(&secret));
    assert_eq!(
        hex(&proof),
        "d7d024d271938e6b0461b2e0965f66e6c22cea54dc2828e569fd9190ff8f6af6"
    );
}

#[test]
fn messages_are_read_as_they_were_written_and_in_no_other_length() {
    let mut bytes = hello().encode();
    assert_eq!(Hello::decode(&bytes), Some(hello()));
    assert_eq!(Hello::decode(&bytes[..bytes.len() - 1]), None);
    bytes.push(0);
    assert_eq!(Hello::decode(&bytes), None);
    let bytes = challenge().encode();
    assert_eq!(Challenge::decode(&bytes), Some(challenge()));
    for refused in [
        Refused::WrongCluster {
            dialler: 1,
            dialled: 2,
        },
        Refused::WrongNode {
            wanted: 1,
            found: 2,
        },
        Refused::SameId { id: 1 },
        Refused::AlreadyConnected {
            id: 1,
            heard_ms: 20,
        },
        Refused::SecretMissing,
        Refused::WrongSecret,
        Refused::TooMany,
    ] {
        assert_eq!(Refused::decode(&refused.encode()), Some(refused));
    }
}

#[test]
fn a_preface_of_something_else_is_told_from_one_of_another_version() {
    assert!(check_preface(PREFACE).is_ok());
    assert!(matches!(
        check_preface(*b"GET / HT"),
        Err(PeerError::NotAPeer)
    ));
    assert!(matches!(
        check_preface(*b"\0kvpeer\x07"),
        Err(PeerError::Version { theirs: 7, ours: 1 })
    ));
}

#[test]
fn a_proof_proves_one_role_in_one_meeting_with_one_secret() {
    let (ours, other) = (secret("ours"), secret("other"));
    let met = meeting();
    let proof = met.proof(Role::Dialler, Some(&ours));
    assert!(met.is_proven(Role::Dialler, Some(&ours), &proof));
    assert!(!met.is_proven(Role::Acceptor, Some(&ours), &proof));
    assert!(!met.is_proven(Role::Dialler, Some(&other), &proof));
    assert!(!met.is_proven(Role::Dialler, Some(&ours), &proof[1..]));
    let changes: [fn(&mut Meeting); 8] = [
        |met| met.hello.lane = Lane::Consensus,
        |met| met.hello.cluster_id += 1,
        |met| met.hello.from += 1,
        |met| met.hello.to += 1,
        |met| met.hello.instance += 1,
        |met| met.hello.nonce[31] += 1,
        |met| met.challenge.instance += 1,
        |met| met.challenge.nonce[0] += 1,
    ];
    for change in changes {
        let mut changed = met;
        change(&mut changed);
        assert!(!changed.is_proven(Role::Dialler, Some(&ours), &proof));
    }
}

#[test]
fn who_is_wrong_is_told_what_is_wrong() {
    let hello = hello();
    let cluster = hello.cluster_id;
    assert_eq!(hello.refusal(cluster, 2, true), None);
    assert_eq!(
        hello.refusal(9, 2, true),
        Some(Refused::WrongCluster {
            dialler: cluster,
            dialled: 9
        })
    );
    assert_eq!(
        hello.refusal(cluster, 3, true),
        Some(Refused::WrongNode {
            wanted: 2,
            found: 3
        })
    );
    assert_eq!(
        hello.refusal(cluster, 2, false),
        Some(Refused::SecretMissing)
    );
    let own = Hello { from: 2, ..hello };
    assert_eq!(
        own.refusal(cluster, 2, true),
        Some(Refused::SameId { id: 2 })
    );
}
