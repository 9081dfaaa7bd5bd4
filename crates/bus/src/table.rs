//! A key-value bucket of protobuf messages.

use std::marker::PhantomData;

use async_nats::jetstream::kv;
use futures::TryStreamExt;
use prost::Message;
use signalbox_proto::{
    names::bucket,
    v1::{ReplayPlace, ScheduleSpec},
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

    async fn table<M>(&self, bucket: &str) -> Result<Table<M>, Error> {
        let store = self.jetstream.get_key_value(bucket).await;
        Ok(Table { store: store.map_err(|e| Error::when("open the bucket")(e.into()))?, of: PhantomData })
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
