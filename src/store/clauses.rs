//! A query put together from fixed pieces and bound values. sqlx's own builder writes `?`, which PostgreSQL does not read.

use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};
use std::fmt::Write;

/// A query under construction. Its text is only ever made of literals and of `$n`.
pub struct Clauses {
    text: String,
    arguments: AnyArguments,
    bound: usize,
    /// A value that could not be encoded makes the whole query fail.
    failed: bool,
}

impl Clauses {
    /// Starts with a literal.
    #[must_use]
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), arguments: AnyArguments::default(), bound: 0, failed: false }
    }

    /// Adds a literal.
    pub fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a placeholder and the value that stands there.
    pub fn push_bind<T>(&mut self, value: T) -> &mut Self
    where
        T: for<'q> Encode<'q, Any> + Type<Any> + Send + 'static,
    {
        self.bound += 1;
        self.failed |= self.arguments.add(value).is_err() || write!(self.text, "${}", self.bound).is_err();
        self
    }

    /// The query.
    pub fn build(self) -> Query<'static, Any, AnyArguments> {
        // Nothing is found rather than something wrong: an empty statement is refused by both databases.
        let text = if self.failed { String::new() } else { self.text };
        sqlx::query_with(AssertSqlSafe(text), self.arguments)
    }
}
