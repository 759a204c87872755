//! SMART scopes. Only what is plainly granted counts: a scope that narrows itself with `?…` is not granted at all, since
//! this service would not apply the narrowing.

use super::CallerClass;

/// SMART scopes, version 2 (`user/Condition.rs`); of version 1, `.read` is read as `.rs` and `.write` as `.cud`.
#[derive(Debug, Clone, Default)]
pub struct Scopes(Vec<Scope>);

#[derive(Debug, Clone)]
struct Scope {
    class: CallerClass,
    /// A FHIR type, or `*`.
    resource_type: String,
    permissions: Vec<Permission>,
}

/// What a scope permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// `c`
    Create,
    /// `r`
    Read,
    /// `u`
    Update,
    /// `s`
    Search,
}

impl Scopes {
    /// Parses the `scope` claim; words that are no scope of a user or system are passed over.
    #[must_use]
    pub fn parse(claim: &str) -> Self {
        Self(claim.split_ascii_whitespace().filter_map(parse_one).collect())
    }

    /// Whether a scope of the caller's class (`user/` or `system/`) permits this on the type.
    #[must_use]
    pub fn allow(&self, class: CallerClass, resource_type: &str, permission: Permission) -> bool {
        self.0.iter().any(|scope| {
            scope.class == class
                && (scope.resource_type == "*" || scope.resource_type == resource_type)
                && scope.permissions.contains(&permission)
        })
    }

    /// Whether any scope of this class was granted.
    #[must_use]
    pub fn any_of(&self, class: CallerClass) -> bool {
        self.0.iter().any(|scope| scope.class == class)
    }
}

fn parse_one(word: &str) -> Option<Scope> {
    let (class, rest) = word.split_once('/')?;
    let class = match class {
        "user" => CallerClass::User,
        "system" => CallerClass::System,
        _ => return None,
    };
    let (resource_type, letters) = rest.split_once('.')?;
    let named = !resource_type.is_empty() && resource_type.bytes().all(|byte| byte.is_ascii_alphabetic());
    if resource_type != "*" && !named {
        return None;
    }
    Some(Scope { class, resource_type: resource_type.to_owned(), permissions: permissions(letters)? })
}

/// The letters of `cruds`, in that order, at least one.
fn permissions(letters: &str) -> Option<Vec<Permission>> {
    let letters = match letters {
        "read" => "rs",
        "write" => "cud",
        "*" => "cruds",
        other => other,
    };
    let mut rest = letters;
    let mut permissions = Vec::new();
    for (letter, permission) in [
        ('c', Some(Permission::Create)),
        ('r', Some(Permission::Read)),
        ('u', Some(Permission::Update)),
        ('d', None),
        ('s', Some(Permission::Search)),
    ] {
        if let Some(shorter) = rest.strip_prefix(letter) {
            rest = shorter;
            permissions.extend(permission);
        }
    }
    (rest.is_empty() && !letters.is_empty()).then_some(permissions)
}

#[cfg(test)]
mod tests {
    use super::{CallerClass::*, Permission::*, *};

    #[test]
    fn a_scope_grants_what_it_says_and_nothing_else() {
        let scopes = Scopes::parse("openid user/Condition.rs user/Consent.c system/EpisodeOfCare.cruds user/Task.*");
        assert!(scopes.allow(User, "Condition", Read));
        assert!(scopes.allow(User, "Condition", Search));
        assert!(!scopes.allow(User, "Condition", Create));
        assert!(!scopes.allow(System, "Condition", Read));
        assert!(!scopes.allow(User, "Observation", Read));
        assert!(scopes.allow(User, "Consent", Create));
        assert!(!scopes.allow(User, "Consent", Read));
        assert!(scopes.allow(System, "EpisodeOfCare", Update));
        assert!(scopes.allow(User, "Task", Update));
    }

    #[test]
    fn a_star_stands_for_every_type() {
        let scopes = Scopes::parse("user/*.rs");
        assert!(scopes.allow(User, "Encounter", Search));
        assert!(!scopes.allow(User, "Encounter", Update));
    }

    #[test]
    fn version_one_words_are_understood() {
        let scopes = Scopes::parse("user/Condition.read user/Consent.write");
        assert!(scopes.allow(User, "Condition", Read) && scopes.allow(User, "Condition", Search));
        assert!(scopes.allow(User, "Consent", Create) && scopes.allow(User, "Consent", Update));
        assert!(!scopes.allow(User, "Consent", Read));
    }

    #[test]
    fn a_scope_that_narrows_itself_or_is_out_of_form_grants_nothing() {
        for claim in [
            "user/Observation.rs?category=laboratory",
            "user/Observation.sr",
            "user/Observation.",
            "user/Observation.rx",
            "user/.rs",
            "user/Observation",
            "patient/Observation.rs",
            "user/Obs*.rs",
            "",
        ] {
            let scopes = Scopes::parse(claim);
            assert!(!scopes.allow(User, "Observation", Read) && !scopes.allow(User, "Observation", Search), "{claim}");
        }
    }
}
