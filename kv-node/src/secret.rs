//! Secrets: read from files, compared in constant time, never shown.
//!
//! 1. A secret comes from a file that nobody but its owner may read.
//! 2. Comparing takes the same time wherever a guess is wrong.
//! 3. Nothing here prints or logs one.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

/// A file with a secret is at most this long.
const SECRET_BYTES_MAX: u64 = 4096;

/// A password or a key. Printing it shows nothing.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner may read it.
    #[error("{path} has mode {mode:04o}: others than its owner can read it")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds no secret.
    #[error("{path} is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is not a file with a secret.
    #[error("{path} is not a file of at most {SECRET_BYTES_MAX} bytes")]
    NotASecret {
        /// The file.
        path: PathBuf,
    },
}

impl Secret {
    /// Reads a secret from a file: all its bytes but a line end at the end.
    ///
    /// # Errors
    /// If it cannot be read, is empty or too long, or can be read by others than its owner.
    pub fn from_file(path: &Path) -> Result<Secret, SecretError> {
        let unreadable = |source| SecretError::Unreadable {
            path: path.into(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() || metadata.len() > SECRET_BYTES_MAX {
            return Err(SecretError::NotASecret { path: path.into() });
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Exposed {
                path: path.into(),
                mode,
            });
        }
        let mut bytes = Vec::new();
        file.take(SECRET_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        trim_line_end(&mut bytes);
        if bytes.is_empty() {
            return Err(SecretError::Empty { path: path.into() });
        }
        Ok(Secret(bytes))
    }

    /// Whether `guess` is it.
    #[must_use]
    pub fn matches(&self, guess: &[u8]) -> bool {
        self.0.as_slice().ct_eq(guess).into()
    }

    /// Its bytes, as the key of a message authentication code.
    pub(crate) fn key(&self) -> &[u8] {
        &self.0
    }
}

fn trim_line_end(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret_file(mode: u32, content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn secret_is_the_file_without_its_line_end() {
        let file = secret_file(0o600, b"pass word\r\n");
        let secret = Secret::from_file(file.path()).unwrap();
        assert!(secret.matches(b"pass word"));
        assert!(!secret.matches(b"pass word\r\n"));
        assert!(!secret.matches(b"pass"));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn secret_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o644, 0o620] {
            let file = secret_file(mode, b"x");
            let error = Secret::from_file(file.path()).unwrap_err();
            assert!(
                matches!(error, SecretError::Exposed { mode: m, .. } if m == mode),
                "{error}"
            );
        }
        assert!(Secret::from_file(secret_file(0o400, b"x").path()).is_ok());
    }

    #[test]
    fn empty_missing_and_huge_secrets_are_refused() {
        let empty = secret_file(0o600, b"\n");
        assert!(matches!(
            Secret::from_file(empty.path()),
            Err(SecretError::Empty { .. })
        ));
        let huge = secret_file(0o600, &[b'x'; 5000]);
        assert!(matches!(
            Secret::from_file(huge.path()),
            Err(SecretError::NotASecret { .. })
        ));
        assert!(matches!(
            Secret::from_file(Path::new("/nonexistent")),
            Err(SecretError::Unreadable { .. })
        ));
    }
}
