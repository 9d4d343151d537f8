//! Completes commands, and the options of the command that the line begins with.

use clap::CommandFactory;
use reedline::{Completer, CompletionResult, Span, Suggestion};

use super::Line;

/// See the module.
pub(super) struct CommandCompleter {
    line: clap::Command,
}

impl Default for CommandCompleter {
    fn default() -> CommandCompleter {
        CommandCompleter {
            line: Line::command(),
        }
    }
}

impl CommandCompleter {
    /// What the word that ends at the cursor may become, each with its description.
    fn candidates(&self, before: &str) -> Vec<(String, Option<String>)> {
        let (head, word) = before.split_at(word_start(before));
        let described: Vec<(String, Option<String>)> = match head.split_whitespace().next() {
            None => self.commands(),
            Some(command) if word.starts_with('-') => self.options(command),
            Some("help") => self.commands(),
            Some(_) => Vec::new(),
        };
        described
            .into_iter()
            .filter(|(name, _)| name.starts_with(word))
            .collect()
    }

    fn commands(&self) -> Vec<(String, Option<String>)> {
        let about = |text: &clap::builder::StyledStr| text.to_string();
        let own = self.line.get_subcommands();
        let own = own.map(|command| {
            (
                command.get_name().to_owned(),
                command.get_about().map(about),
            )
        });
        let ours = [("help", "List the commands"), ("exit", "End the session")];
        let ours = ours.map(|(name, text)| (name.to_owned(), Some(text.to_owned())));
        own.chain(ours).collect()
    }

    fn options(&self, command: &str) -> Vec<(String, Option<String>)> {
        let Some(command) = self.line.find_subcommand(command) else {
            return Vec::new();
        };
        let options = command.get_arguments().filter_map(|option| {
            let name = format!("--{}", option.get_long()?);
            Some((name, option.get_help().map(ToString::to_string)))
        });
        options.collect()
    }
}

fn word_start(before: &str) -> usize {
    let blank = before.char_indices().rev().find(|(_, c)| c.is_whitespace());
    blank.map_or(0, |(at, c)| at + c.len_utf8())
}

impl Completer for CommandCompleter {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let before = line.get(..position).unwrap_or(line);
        let span = Span::new(word_start(before), before.len());
        let suggest = |(value, description)| Suggestion {
            value,
            description,
            span,
            append_whitespace: true,
            ..Suggestion::default()
        };
        let suggestions: Vec<Suggestion> =
            self.candidates(before).into_iter().map(suggest).collect();
        CompletionResult::fresh(suggestions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(before: &str) -> Vec<String> {
        let candidates = CommandCompleter::default().candidates(before);
        candidates.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_first_word_is_a_command() {
        assert_eq!(completed("ge"), ["get"]);
        assert_eq!(
            completed("s"),
            ["set", "scan", "search", "similar", "status"]
        );
        assert_eq!(completed("ex"), ["exists", "expire", "export", "exit"]);
        assert!(completed("").contains(&"wal-dump".to_owned()));
    }

    #[test]
    fn options_are_those_of_the_command() {
        assert_eq!(completed("set k v --if"), ["--if-absent", "--if-present"]);
        assert_eq!(completed("search words --s"), ["--snippets"]);
        assert!(completed("get --if").is_empty());
        assert!(completed("nonsense --").is_empty());
    }

    #[test]
    fn keys_are_not_completed() {
        assert!(completed("get us").is_empty());
    }

    #[test]
    fn the_word_at_the_cursor_is_replaced() {
        let result = CommandCompleter::default().complete("set größe v --tt", 18);
        let suggestion = &result.suggestions()[0];
        assert_eq!((suggestion.span.start, suggestion.span.end), (14, 18));
    }
}
