//! The forms: each declares a function of an argument named `n`, and `ask`, which calls it.

/// A function whose arguments are all of its key.
macro_rules! plain {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache($($options)*)]
        fn f($n: u64) -> $result $body

        fn ask(n: u64) -> $result {
            f(n)
        }
    };
}

macro_rules! generic {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache($($options)*)]
        fn f<T: Copy + Debug + Eq + Hash + Send + Sync + 'static>(of: [T; 2], $n: u64) -> $result {
            let _ = of;
            $body
        }

        fn ask(n: u64) -> $result {
            f([true, false], n)
        }
    };
}

/// A method of a generic type, without its instance in the key.
macro_rules! generic_impl {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        struct Of<T>(T);

        impl<T: Send + Sync + 'static> Of<T> {
            #[cache(skip(self), $($options)*)]
            fn f(&self, $n: u64) -> $result {
                let _ = &self.0;
                $body
            }
        }

        fn ask(n: u64) -> $result {
            Of("it").f(n)
        }
    };
}

macro_rules! generic_function_of_an_impl {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        struct Of<T>(T);

        impl<T: Send + Sync + 'static> Of<T> {
            #[cache($($options)*)]
            fn f($n: u64) -> $result $body
        }

        fn ask(n: u64) -> $result {
            let _ = Of(0).0;
            Of::<u8>::f(n)
        }
    };
}

macro_rules! trait_impl {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        trait Asked {
            fn f(&self, n: u64) -> $result;
        }

        struct It;

        impl Asked for It {
            #[cache(skip(self), $($options)*)]
            fn f(&self, $n: u64) -> $result $body
        }

        fn ask(n: u64) -> $result {
            It.f(n)
        }
    };
}

macro_rules! skip {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache(skip(db), $($options)*)]
        fn f(db: &Mutex<u64>, $n: u64) -> $result {
            let _ = db;
            $body
        }

        fn ask(n: u64) -> $result {
            f(&Mutex::new(1), n)
        }
    };
}

macro_rules! key {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache(key = |$n| -> u64 { $n }, $($options)*)]
        fn f(name: &str, $n: u64) -> $result {
            let _ = name;
            $body
        }

        fn ask(n: u64) -> $result {
            f(&n.to_string(), n)
        }
    };
}

/// The key is lent.
macro_rules! lent {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache(skip(db), $($options)*)]
        fn f(db: &Mutex<u64>, name: &str, $n: u64) -> $result {
            let _ = (db, name);
            $body
        }

        fn ask(n: u64) -> $result {
            f(&Mutex::new(1), "name", n)
        }
    };
}

/// The values are in the instance.
macro_rules! field {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        struct Shop {
            memo: speedup::Memo<(u64,), $result>,
        }

        impl Shop {
            #[cache(field = memo, $($options)*)]
            fn f(&self, $n: u64) -> $result $body
        }

        static SHOP: Shop = Shop { memo: speedup::Memo::new() };

        fn ask(n: u64) -> $result {
            SHOP.f(n)
        }
    };
}

/// The values are in an instance of a generic type, under a key that is lent.
macro_rules! generic_field {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        struct Shop<T> {
            of: T,
            memo: speedup::Memo<(String, u64), $result>,
        }

        impl<T: Sync> Shop<T> {
            #[cache(field = memo, $($options)*)]
            fn f(&self, name: &str, $n: u64) -> $result {
                let _ = (&self.of, name);
                $body
            }
        }

        static SHOP: Shop<&str> = Shop { of: "goods", memo: speedup::Memo::new() };

        fn ask(n: u64) -> $result {
            SHOP.f("name", n)
        }
    };
}

macro_rules! async_field {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        struct Shop {
            memo: speedup::AsyncMemo<(u64,), $result>,
        }

        impl Shop {
            #[cache(field = memo, $($options)*)]
            async fn f(self: Arc<Self>, $n: u64) -> $result $body
        }

        static SHOP: LazyLock<Arc<Shop>> = LazyLock::new(|| Arc::new(Shop { memo: speedup::AsyncMemo::new() }));

        fn ask(n: u64) -> $result {
            pollster::block_on(SHOP.clone().f(n))
        }
    };
}

macro_rules! asynchronous {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache($($options)*)]
        async fn f($n: u64) -> $result $body

        fn ask(n: u64) -> $result {
            pollster::block_on(f(n))
        }
    };
}

macro_rules! async_generic {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache($($options)*)]
        async fn f<T: Copy + Debug + Eq + Hash + Send + Sync + 'static>(of: T, $n: u64) -> $result {
            let _ = of;
            $body
        }

        fn ask(n: u64) -> $result {
            pollster::block_on(f('x', n))
        }
    };
}

macro_rules! async_skip {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache(skip(db), $($options)*)]
        async fn f(db: &Arc<Mutex<u64>>, $n: u64) -> $result {
            let _ = db;
            $body
        }

        fn ask(n: u64) -> $result {
            pollster::block_on(f(&Arc::new(Mutex::new(1)), n))
        }
    };
}

macro_rules! async_key {
    ([$($options:tt)*] fn f($n:ident) -> $result:ty $body:block) => {
        #[cache(key = |$n| -> u64 { $n }, $($options)*)]
        async fn f(name: String, $n: u64) -> $result {
            let _ = name;
            $body
        }

        fn ask(n: u64) -> $result {
            pollster::block_on(f(n.to_string(), n))
        }
    };
}

pub(crate) use {
    async_field, async_generic, async_key, async_skip, asynchronous, field, generic, generic_field,
    generic_function_of_an_impl, generic_impl, key, lent, plain, skip, trait_impl,
};
