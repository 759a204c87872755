//! Rows by column name, without sqlx's macros.

/// A struct whose fields are read from the columns of the same names.
macro_rules! row {
    (struct $name:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        struct $name { $($field: $kind),+ }

        impl sqlx::FromRow<'_, crate::store::Row> for $name {
            fn from_row(row: &crate::store::Row) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: sqlx::Row::try_get(row, stringify!($field))?),+ })
            }
        }
    };
}
pub(super) use row;
