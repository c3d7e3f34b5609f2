//! Reading options as the Node service read them, and remembering which were asked for.

use std::collections::BTreeSet;

use serde_json::Value;

/// The options of a file, by their path with dots.
pub(super) struct Options {
    file: Value,
    read: BTreeSet<String>,
    mistakes: Vec<String>,
}

impl Options {
    pub(super) fn new(file: Value) -> Self {
        Self {
            file,
            read: BTreeSet::new(),
            mistakes: Vec::new(),
        }
    }

    /// A text, without the white space around it. An empty one stands for the default, as there.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        self.typed(path, "a text", |value| {
            value.as_str().map(|text| text.trim().to_owned())
        })
        .filter(|text| !text.is_empty())
    }

    /// A whole number. Zero stands for the default, as there.
    pub(super) fn number(&mut self, path: &str) -> Option<u64> {
        self.typed(path, "a whole number", Value::as_u64)
            .filter(|number| *number != 0)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, path: &str) -> Option<bool> {
        self.typed(path, "true or false", Value::as_bool)
    }

    fn typed<T>(
        &mut self,
        path: &str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.at(path)?.clone();
        self.read.insert(path.to_owned());
        let typed = read(&value);
        if typed.is_none() {
            self.mistakes.push(format!(
                "{path}: it should be {wanted}; the Node service took its default then, and so does this"
            ));
        }
        typed
    }

    pub(super) fn is_there(&self, path: &str) -> bool {
        self.at(path).is_some()
    }

    /// An option that is dealt with whatever it holds.
    pub(super) fn ignore(&mut self, path: &str) {
        self.read.insert(path.to_owned());
    }

    fn at(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(&self.file, |value, name| value.get(name))
    }

    /// The paths of all options that nobody asked for.
    pub(super) fn unread(&self) -> Vec<String> {
        let mut unread = Vec::new();
        self.walk(&self.file, "", &mut unread);
        unread
    }

    fn walk(&self, value: &Value, path: &str, unread: &mut Vec<String>) {
        if self.read.contains(path) {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let path = match path {
                        "" => name.clone(),
                        path => format!("{path}.{name}"),
                    };
                    self.walk(member, &path, unread);
                }
            }
            _ => unread.push(path.to_owned()),
        }
    }

    /// What was of another type than it should be.
    pub(super) fn into_mistakes(self) -> Vec<String> {
        self.mistakes
    }
}
