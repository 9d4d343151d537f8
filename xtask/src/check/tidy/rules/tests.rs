use super::*;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.into(),
        text: text.to_owned(),
    }
}

fn lines_found(path: &str, text: &str) -> Vec<usize> {
    let file = file(path, text);
    ALL.iter()
        .flat_map(|rule| rule(&file))
        .map(|finding| finding.line)
        .collect()
}

#[test]
fn a_plain_module_passes_every_rule() {
    assert!(lines_found("kv-wal/src/segment.rs", "//! A file.\n\nfn f() {}\n").is_empty());
}

#[test]
fn a_file_may_have_six_hundred_lines_and_no_more() {
    let text = |count: usize| format!("//! Long.\n{}", "fn f() {}\n".repeat(count - 1));
    assert!(lines_found("a/src/b.rs", &text(600)).is_empty());
    assert_eq!(lines_found("a/src/b.rs", &text(601)), [0]);
}

#[test]
fn a_name_that_says_nothing_is_found() {
    for name in ["mod", "utils", "common", "helpers", "manager", "misc"] {
        assert_eq!(
            lines_found(&format!("a/src/{name}.rs"), "//! Doc.\n"),
            [0],
            "{name}"
        );
    }
}

#[test]
fn a_module_without_a_doc_is_found_and_a_test_module_needs_none() {
    assert_eq!(lines_found("a/src/b.rs", "fn f() {}\n"), [0]);
    assert!(lines_found("a/src/b/tests.rs", "fn f() {}\n").is_empty());
    assert!(lines_found("a/tests/it/b.rs", "fn f() {}\n").is_empty());
}

#[test]
fn unfinished_code_is_found_but_not_in_a_comment() {
    for call in UNFINISHED {
        let text = format!("//! Doc.\n// {call})\nfn f() {{ {call}) }}\n");
        assert_eq!(lines_found("a/src/b.rs", &text), [3], "{call}");
    }
}

#[test]
fn an_ignored_test_says_why() {
    let text = concat!(
        "//! Doc.\n#[ig",
        "nore]\n#[ignore = \"needs a disk of 1 TB\"]\n"
    );
    assert_eq!(lines_found("a/src/b.rs", text), [2]);
}

#[test]
fn a_test_that_sleeps_says_why() {
    let call = concat!("sle", "ep(1);");
    let bare = format!("//! Doc.\nfn f() {{ {call} }}\n#[cfg(test)]\nmod tests {{\n {call}\n}}\n");
    assert_eq!(lines_found("a/src/b.rs", &bare), [5]);
    let reason = "// sleep: the kernel tells nobody.\n // Twice.";
    let excused = format!("fn t() {{\n {reason}\n {call}\n}}");
    assert!(lines_found("a/tests/it/b.rs", &excused).is_empty());
}

#[test]
fn unsafe_code_says_why_at_the_top_of_its_module() {
    let block = concat!("fn f() { unsa", "fe { g() } }\n");
    assert_eq!(
        lines_found("a/src/b.rs", &format!("//! Doc.\n{block}")),
        [2]
    );
    let excused = format!("//! Doc.\n#![expect(unsafe_code, reason = \"a syscall\")]\n{block}");
    assert!(lines_found("a/src/b.rs", &excused).is_empty());
}

#[test]
fn trailing_whitespace_is_found_except_in_test_data() {
    assert_eq!(lines_found("README.md", "a\nb \n"), [2]);
    assert!(lines_found("kv-proto/testdata/a.txt", "b \n").is_empty());
}

#[test]
fn a_private_path_is_found_anywhere() {
    for path in PRIVATE_PATHS {
        assert_eq!(
            lines_found("README.md", &format!("see\n{path}kv\n")),
            [2],
            "{path}"
        );
    }
}

#[test]
fn a_crate_from_elsewhere_is_found() {
    let lock = format!("source = \"{CRATE_SOURCE}\"\nsource = \"git+https://example.org/x\"\n");
    assert_eq!(lines_found("Cargo.lock", &lock), [2]);
}
