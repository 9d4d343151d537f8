//! A vector on the command line.

use std::str::FromStr;

/// Numbers with commas between them, in brackets or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VectorArg(pub(crate) Vec<f32>);

impl FromStr for VectorArg {
    type Err = String;

    fn from_str(text: &str) -> Result<VectorArg, String> {
        let bare = text.trim();
        let inner = bare.strip_prefix('[').and_then(|b| b.strip_suffix(']'));
        let numbers = inner.unwrap_or(bare).split(',').map(|number| {
            let number = number.trim();
            let parsed = number.parse::<f32>().ok();
            parsed.ok_or_else(|| format!("{number:?} is not a number; a vector is as 0.5,-1,2"))
        });
        numbers.collect::<Result<_, _>>().map(VectorArg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_numbers_with_commas_between() {
        let vector = VectorArg(vec![0.5, -1.0, 2e3]);
        assert_eq!("0.5,-1,2e3".parse(), Ok(vector.clone()));
        assert_eq!(" [0.5, -1.0, 2000] ".parse(), Ok(vector));
        for wrong in ["", "[]", "1,,2", "a", "[1,2"] {
            assert!(wrong.parse::<VectorArg>().is_err(), "{wrong}");
        }
    }
}
