//! A key-value bucket of protobuf messages.

use std::marker::PhantomData;

use async_nats::jetstream::kv;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use signalbox_proto::{
    names::bucket,
    v1::{ApiKey, ReplayPlace, ScheduleSpec},
};

use crate::{Bus, Error};

/// A bucket whose values are messages of type `M`. Keys may be any text: they are kept in hexadecimal, because
/// NATS allows few characters in a key.
#[derive(Clone)]
pub struct Table<M> {
    store: kv::Store,
    of: PhantomData<fn() -> M>,
}

impl Bus {
    /// Desired schedules by id.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn desired_schedules(&self) -> Result<Table<ScheduleSpec>, Error> {
        self.table(bucket::SCHEDULES).await
    }

    /// How far replays came, by name.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn replays(&self) -> Result<Table<ReplayPlace>, Error> {
        self.table(bucket::REPLAYS).await
    }

    /// Keys of callers of the HTTP API, by id.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn api_keys(&self) -> Result<Table<ApiKey>, Error> {
        self.table(bucket::API_KEYS).await
    }

    async fn table<M>(&self, bucket: &str) -> Result<Table<M>, Error> {
        let store = self.jetstream.get_key_value(bucket).await;
        Ok(Table { store: store.map_err(|e| Error::when("open the bucket")(e.into()))?, of: PhantomData })
    }
}

/// What is written into a bucket, in its order.
pub struct Changes<M> {
    entries: kv::Watch,
    of: PhantomData<fn() -> M>,
}

/// Something was written into a bucket.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<M> {
    /// The key has this value now.
    Set(String, M),
    /// The key is gone.
    Removed(String),
}

impl<M: Message + Default> Changes<M> {
    /// The next change; pending while there is none, `None` when it can no longer be watched. May be dropped without
    /// loss.
    ///
    /// # Errors
    /// When what was written cannot be read.
    pub async fn next(&mut self) -> Result<Option<Change<M>>, Error> {
        let of = Error::when("watch the bucket");
        let Some(entry) = self.entries.next().await else { return Ok(None) };
        let entry = entry.map_err(|e| of(e.into()))?;
        let key = unhex(&entry.key);
        if entry.operation != kv::Operation::Put {
            return Ok(Some(Change::Removed(key)));
        }
        let value = M::decode(entry.value).map_err(|e| of(e.into()))?;
        Ok(Some(Change::Set(key, value)))
    }
}

impl<M: Message + Default> Table<M> {
    /// The value of `key`.
    ///
    /// # Errors
    /// When the bucket cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<M>, Error> {
        let of = Error::when("read from the bucket");
        let value = self.store.get(hex(key)).await.map_err(|e| of(e.into()))?;
        value.map(|bytes| M::decode(bytes).map_err(|e| of(e.into()))).transpose()
    }

    /// Sets the value of `key` if it has none; `false` if it has one.
    ///
    /// # Errors
    /// When the bucket cannot be written.
    pub async fn create(&self, key: &str, value: &M) -> Result<bool, Error> {
        match self.store.create(hex(key), value.encode_to_vec().into()).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::when("write into the bucket")(error.into())),
        }
    }

    /// Sets the value of `key`.
    ///
    /// # Errors
    /// When the bucket cannot be written.
    pub async fn put(&self, key: &str, value: &M) -> Result<(), Error> {
        let put = self.store.put(hex(key), value.encode_to_vec().into()).await;
        put.map(|_| ()).map_err(|e| Error::when("write into the bucket")(e.into()))
    }

    /// Removes `key`, if it is there.
    ///
    /// # Errors
    /// When the bucket cannot be written.
    pub async fn remove(&self, key: &str) -> Result<(), Error> {
        self.store.delete(hex(key)).await.map_err(|e| Error::when("write into the bucket")(e.into()))
    }

    /// What is written from now on.
    ///
    /// # Errors
    /// When the bucket cannot be watched.
    pub async fn watch(&self) -> Result<Changes<M>, Error> {
        let entries = self.store.watch_all().await;
        let entries = entries.map_err(|e| Error::when("watch the bucket")(e.into()))?;
        Ok(Changes { entries, of: PhantomData })
    }

    /// All values.
    ///
    /// # Errors
    /// When the bucket cannot be read.
    pub async fn all(&self) -> Result<Vec<M>, Error> {
        let of = Error::when("read the bucket");
        let keys: Vec<String> = self
            .store
            .keys()
            .await
            .map_err(|e| of(e.into()))?
            .try_collect()
            .await
            .map_err(|e| of(e.into()))?;
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(bytes) = self.store.get(key).await.map_err(|e| of(e.into()))? {
                values.push(M::decode(bytes).map_err(|e| of(e.into()))?);
            }
        }
        Ok(values)
    }
}

fn hex(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// What is not of [`hex`]'s making is nobody's key.
fn unhex(hex: &str) -> String {
    let byte = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_whatever_it_is() {
        for key in ["", "a", "größe >*."] {
            assert_eq!(unhex(&hex(key)), key);
        }
        for foreign in ["6", "6g", "ff", "é1"] {
            assert_eq!(unhex(foreign), "", "{foreign}");
        }
    }
}
