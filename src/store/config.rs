//! Where the store is: a SQLite file for one instance, or a PostgreSQL database that several instances share.

use std::path::PathBuf;

/// Where the store is.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(try_from = "Section")]
pub enum StoreConfig {
    /// One file, for one instance of the service.
    Sqlite {
        /// The file; made when it is not there.
        path: PathBuf,
    },
    /// A database that instances share.
    Postgres(PostgresConfig),
}

impl StoreConfig {
    /// One SQLite file.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite { path: path.into() }
    }
}

/// The section as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    path: Option<PathBuf>,
    postgres: Option<PostgresConfig>,
}

impl TryFrom<Section> for StoreConfig {
    type Error = &'static str;

    fn try_from(section: Section) -> Result<Self, Self::Error> {
        match (section.path, section.postgres) {
            (Some(path), None) => Ok(Self::Sqlite { path }),
            (None, Some(postgres)) => Ok(Self::Postgres(postgres)),
            _ => Err("either `path` (SQLite) or `postgres`, and not both"),
        }
    }
}

/// A PostgreSQL database.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    #[serde(default = "usual_port")]
    pub port: u16,
    /// The database, made by its administrator.
    pub database: String,
    /// Whom the service connects as.
    pub user: String,
    /// A file that holds the user's password and nothing else; without it the server asks for none.
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that the server's has to be signed by. Needed unless the host is this machine.
    pub ca_file: Option<PathBuf>,
    /// Who owns the tables. With it the service's own user can append audit rows and can neither change nor delete one,
    /// whatever it runs; without it the service's user owns them and triggers alone stand in the way.
    pub owner: Option<OwnerConfig>,
}

/// The role that owns the schema and brings it up to date at a start.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerConfig {
    /// The role's name.
    pub user: String,
    /// A file that holds its password.
    pub password_file: Option<PathBuf>,
}

const fn usual_port() -> u16 {
    5432
}

impl PostgresConfig {
    /// Whether the server is on this machine, where a connection may go without TLS.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}
