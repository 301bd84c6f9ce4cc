//! Bodies whose calls could be awaited together wrongly: each gives what it gives without the attribute.

use pollster::block_on;

/// The same function twice: cached, and as it is written.
macro_rules! twice {
    ($(async fn $name:ident($($arg:ident : $ty:ty),*) -> $result:ty $body:block)*) => {
        mod cached {
            $(
                #[speedup::cache]
                pub(super) async fn $name($($arg: $ty),*) -> $result $body
            )*
        }
        mod plain {
            $(
                pub(super) fn $name($($arg: $ty),*) -> std::pin::Pin<Box<dyn Future<Output = $result>>> {
                    Box::pin(async move $body)
                }
            )*
        }
    };
}

twice! {
    async fn shadowed(n: u64) -> u64 {
        if n < 4 {
            return n;
        }
        let n = n - 1;
        let a = shadowed(n).await;
        let n = n / 2;
        let b = shadowed(n).await;
        a + 3 * b
    }

    async fn counted(n: u64) -> u64 {
        let mut at = n;
        if n == 0 {
            return 1;
        }
        let a = counted(at - 1).await;
        at = at.saturating_sub(2);
        let b = counted(at / 2).await;
        let c = { at /= 3; counted(at).await };
        a + 10 * b + 100 * c
    }

    async fn moved(path: String, n: usize) -> String {
        if n == 0 {
            return path;
        }
        let longer = moved(format!("{path}l"), n - 1).await;
        let same = moved(path.clone(), n / 2).await;
        let last = moved(path, n / 3).await;
        format!("{longer}{same}{last}")
    }

    async fn pairs(at: (u32, u32), step: u32) -> u32 {
        let (x, y) = at;
        if x == 0 || y == 0 {
            return x + y + step;
        }
        pairs((x - 1, y), step).await + 2 * pairs((x, y - 1), step + 1).await
    }

    async fn branches(n: i64) -> Option<i64> {
        match n {
            i64::MIN..0 => None,
            0..3 => Some(n),
            3 => Some(branches(n - 1).await? - branches(n - 2).await?),
            _ if n % 5 == 4 => Some(branches(n - 1).await.unwrap_or(7) + branches(-n).await.unwrap_or(8)),
            _ => {
                let Some(one) = branches(n - 1).await else { return Some(0) };
                let two = branches(n - 2).await?;
                let three = branches(n - 5).await;
                Some(one + two - three.unwrap_or(1))
            }
        }
    }

    async fn looped(n: u64) -> u64 {
        let mut sum = 1;
        for k in 0..n {
            sum += looped(k).await + looped(k / 2).await;
            if sum > 1_000_000 {
                break;
            }
            let more = async { looped(k).await - looped(0).await };
            sum += more.await;
        }
        sum
    }

    async fn renamed(n: u64) -> u64 {
        fn other(n: u64) -> u64 {
            n + 1
        }
        let double = |n: u64| n * 2;
        if n < 2 { other(n) } else { double(renamed(n - 1).await) + other(renamed(n - 2).await) }
    }

    async fn texts(text: String, n: u32) -> usize {
        let slice = text.as_str();
        if n == 0 || slice.is_empty() {
            return slice.len();
        }
        let rest = slice[1..].to_owned();
        texts(rest.clone(), n - 1).await + texts(rest, n / 2).await
    }
}

#[test]
fn the_attribute_changes_no_result() {
    block_on(async {
        for n in 0..12 {
            assert_eq!(cached::shadowed(n).await, plain::shadowed(n).await, "shadowed({n})");
            assert_eq!(cached::counted(n).await, plain::counted(n).await, "counted({n})");
            assert_eq!(cached::looped(n).await, plain::looped(n).await, "looped({n})");
            assert_eq!(cached::renamed(n).await, plain::renamed(n).await, "renamed({n})");
        }
        for n in 0..6 {
            let (path, text) = (format!("{n}"), "abcdef".to_owned());
            assert_eq!(cached::moved(path.clone(), n).await, plain::moved(path, n).await, "moved({n})");
            assert_eq!(cached::texts(text.clone(), n as u32).await, plain::texts(text, n as u32).await, "texts({n})");
            let at = (n as u32, 7 - n as u32);
            assert_eq!(cached::pairs(at, 1).await, plain::pairs(at, 1).await, "pairs({n})");
        }
        for n in -3..25 {
            assert_eq!(cached::branches(n).await, plain::branches(n).await, "branches({n})");
        }
    });
}
