//! Many, twice, killed, and away.
