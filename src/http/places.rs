//! Places of reports under way: each walks the whole trail, one after the other, so that a few who ask often would hold up
//! everybody else. In the memory of each instance alone. Decides nothing about who may have which.

use crate::ids::UserId;
use std::sync::{Arc, Mutex, PoisonError};

/// Reports under way at once.
const ALL: usize = 4;

/// When to ask again, seconds.
const LATER: u32 = 5;

/// Who has a report under way. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Places(Arc<Mutex<Vec<UserId>>>);

/// A place, free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    user: UserId,
}

impl Places {
    /// A place for a user: one for each, and a few in all.
    ///
    /// # Errors
    /// Seconds after which to ask again.
    pub fn take(&self, user: &UserId) -> Result<Place, u32> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= ALL || users.contains(user) {
            return Err(LATER);
        }
        users.push(user.clone());
        Ok(Place { places: self.clone(), user: user.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|user| *user != self.user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_one_place_and_all_have_four() {
        let places = Places::default();
        let user = |name: &str| UserId::parse(name).expect("a user");
        let mut held: Vec<Place> =
            ["u1", "u2", "u3"].iter().map(|name| places.take(&user(name)).expect("free")).collect();
        assert_eq!(places.take(&user("u1")).err(), Some(LATER), "one each");
        held.push(places.take(&user("u4")).expect("the fourth"));
        assert_eq!(places.take(&user("u5")).err(), Some(LATER), "four in all");
        held.remove(0);
        assert_eq!(places.take(&user("u2")).err(), Some(LATER), "another's place is free, not the own");
        held.push(places.take(&user("u1")).expect("free again"));
        drop(held);
        assert!(places.take(&user("u5")).is_ok());
    }
}
