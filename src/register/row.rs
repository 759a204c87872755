//! Rows by column name, without sqlx's macros.

/// A struct whose fields are read from the columns of the same names.
macro_rules! row {
    (struct $name:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        struct $name { $($field: $kind),+ }

        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: sqlx::Row::try_get(row, stringify!($field))?),+ })
            }
        }
    };
}
pub(super) use row;
