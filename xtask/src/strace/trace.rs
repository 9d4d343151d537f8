//! The output of `strace -f -yy` as calls with a beginning and an end.
//!
//! The lines are in the order in which the tracer let the threads go on: the end of a call is
//! written before its thread runs again, the beginning after its thread stopped. So "A's end is
//! above B's beginning" means that A had ended when B began.

use std::collections::HashMap;

/// A system call that ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call<'a> {
    pub name: &'a str,
    /// As far as they were printed when it began.
    pub args: &'a str,
    /// What it returned.
    pub result: &'a str,
    /// Line on which it began, and on which it ended.
    pub begin: usize,
    pub end: usize,
}

/// A call that has not ended yet.
struct Begun<'a> {
    name: &'a str,
    args: &'a str,
    line: usize,
}

/// Every call of `trace` that ended, in the order of their beginnings.
pub(super) fn calls(trace: &str) -> Vec<Call<'_>> {
    let mut begun = HashMap::new();
    let mut calls: Vec<Call<'_>> = trace
        .lines()
        .enumerate()
        .filter_map(|line| call(line, &mut begun))
        .collect();
    calls.sort_by_key(|call| call.begin);
    calls
}

/// The call that ends on this line, if one does.
fn call<'a>(
    (line, text): (usize, &'a str),
    begun: &mut HashMap<&'a str, Begun<'a>>,
) -> Option<Call<'a>> {
    let (thread, text) = text.split_once(' ')?;
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix("<... ") {
        let Begun {
            name,
            args,
            line: begin,
        } = begun.remove(thread)?;
        let (_, result) = rest.rsplit_once("= ")?;
        return Some(Call {
            name,
            args,
            result,
            begin,
            end: line,
        });
    }
    let (name, rest) = text.split_once('(')?;
    if let Some(args) = rest.strip_suffix(" <unfinished ...>") {
        begun.insert(thread, Begun { name, args, line });
        return None;
    }
    let (args, result) = rest.rsplit_once("= ")?;
    Some(Call {
        name,
        args,
        result,
        begin: line,
        end: line,
    })
}

impl Call<'_> {
    /// The file or socket of its first argument, as `-yy` prints it: `5<…>`.
    pub(super) fn target(&self) -> &str {
        let end = self.args.find(">,").or_else(|| self.args.rfind('>'));
        end.map_or(self.args, |end| &self.args[..=end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_on_one_line_begins_and_ends_there() {
        let calls = calls("12 fdatasync(5</data/wal/0.wal>)    = 0\n");
        let expected = Call {
            name: "fdatasync",
            args: "5</data/wal/0.wal>)    ",
            result: "0",
            begin: 0,
            end: 0,
        };
        assert_eq!(calls, [expected]);
        assert_eq!(calls[0].target(), "5</data/wal/0.wal>");
    }

    #[test]
    fn calls_of_threads_that_overlap_are_told_apart() {
        let trace = "12 pwrite64(5</a>, \"x = 1\", 5, 0 <unfinished ...>\n\
            13 fdatasync(5</a> <unfinished ...>\n\
            12 <... pwrite64 resumed>) = 5\n\
            13 <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)\n";
        let calls = calls(trace);
        assert_eq!(
            (calls[0].name, calls[0].begin, calls[0].end),
            ("pwrite64", 0, 2)
        );
        assert_eq!(
            (calls[1].name, calls[1].begin, calls[1].end),
            ("fdatasync", 1, 3)
        );
        assert_eq!(calls[1].result, "-1 EIO (Input/output error) (INJECTED)");
        assert_eq!(calls[0].target(), "5</a>");
    }

    #[test]
    fn a_socket_names_both_ends() {
        let trace = "9 sendto(7<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"+OK\\r\\n\", 5, 0, NULL, 0) = 5";
        assert_eq!(
            calls(trace)[0].target(),
            "7<TCP:[127.0.0.1:1->127.0.0.1:2]>"
        );
    }
}
