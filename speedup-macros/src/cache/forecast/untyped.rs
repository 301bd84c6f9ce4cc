//! Values whose types their surroundings tell: out of its place, such a value may have none.

use quote::quote;
use syn::Expr;

use super::names;

/// May its type depend on what surrounds it?
pub(super) fn needs_context(code: &Expr) -> bool {
    const FREE: [&str; 11] = [
        "into",
        "try_into",
        "parse",
        "collect",
        "sum",
        "product",
        "default",
        "unwrap_or_default",
        "from_iter",
        "downcast",
        "deserialize",
    ];
    match code {
        Expr::Paren(inner) => needs_context(&inner.expr),
        Expr::Group(inner) => needs_context(&inner.expr),
        Expr::Reference(inner) => needs_context(&inner.expr),
        Expr::Unary(inner) => needs_context(&inner.expr),
        Expr::Try(inner) => needs_context(&inner.expr),
        Expr::Binary(binary) => needs_context(&binary.left) || needs_context(&binary.right),
        Expr::MethodCall(call) => {
            let free = call.turbofish.is_none() && FREE.iter().any(|name| call.method == name);
            free || needs_context(&call.receiver)
        }
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let mut segments = path.path.segments.iter().rev();
                let last = segments.next().map(|last| last.ident.to_string()).unwrap_or_default();
                let owner = segments.next().map(|owner| owner.ident.to_string()).unwrap_or_default();
                matches!(owner.as_str(), "Default" | "Into" | "From" | "FromStr" | "Iterator") || last == "size_of"
            }
            _ => false,
        },
        Expr::If(branch) => branch
            .then_branch
            .stmts
            .iter()
            .any(|statement| matches!(statement, syn::Stmt::Expr(code, None) if needs_context(code))),
        Expr::Match(inner) => inner.arms.iter().any(|arm| needs_context(&arm.body)),
        _ => false,
    }
}

/// Functions that make what has its type by its use, and that cannot fail.
const OPEN: [&str; 6] = ["channel", "sync_channel", "unbounded_channel", "unbounded", "bounded", "empty"];

/// What a value is made of that cannot fail to be made, and whose type what follows may have to tell: nothing for `Vec::new()`, `x` for
/// `RefCell::new(x)` and `Ok(x)`. Where the value is not needed, its parts are evaluated without it.
pub(super) fn made_of(code: &Expr) -> Option<Vec<&Expr>> {
    const PLAIN: [&str; 14] = [
        "Vec",
        "VecDeque",
        "BinaryHeap",
        "HashMap",
        "HashSet",
        "BTreeMap",
        "BTreeSet",
        "Box",
        "Rc",
        "Arc",
        "Cell",
        "RefCell",
        "Mutex",
        "RwLock",
    ];
    match code {
        Expr::Paren(inner) => made_of(&inner.expr),
        Expr::Group(inner) => made_of(&inner.expr),
        Expr::Reference(inner) => made_of(&inner.expr),
        Expr::Array(array) => Some(array.elems.iter().collect()),
        Expr::Tuple(tuple) => Some(tuple.elems.iter().collect()),
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return None };
            let mut segments = path.path.segments.iter().rev().map(|segment| segment.ident.to_string());
            let (last, owner) = (segments.next()?, segments.next().unwrap_or_default());
            let plain = match last.as_str() {
                "Ok" | "Err" | "Some" => true,
                "new" | "default" => call.args.is_empty() && !owner.is_empty() || PLAIN.contains(&owner.as_str()),
                "with_capacity" => true,
                last => OPEN.contains(&last),
            };
            plain.then(|| call.args.iter().collect())
        }
        _ => None,
    }
}

/// Does its type leave something open that what follows has to tell?
pub(super) fn is_untyped(code: &Expr) -> bool {
    match code {
        Expr::Array(array) => array.elems.is_empty() || array.elems.iter().any(is_untyped),
        Expr::Tuple(tuple) => tuple.elems.iter().any(is_untyped),
        Expr::Path(path) => path.path.is_ident("None"),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let last = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
                let maker = matches!(last.as_str(), "new" | "with_capacity" | "default" | "Ok" | "Err")
                    || OPEN.contains(&last.as_str());
                let typed = path.path.segments.iter().any(|segment| !segment.arguments.is_none());
                maker && !typed || call.args.iter().any(is_untyped) || needs_context(code)
            }
            _ => needs_context(code),
        },
        Expr::Repeat(repeat) => is_untyped(&repeat.expr),
        Expr::Macro(invocation) if invocation.mac.path.is_ident("vec") => {
            let tokens = &invocation.mac.tokens;
            syn::parse2(quote!([#tokens])).is_ok_and(|array: Expr| is_untyped(&array))
        }
        Expr::If(branch) => {
            let otherwise = branch.else_branch.as_ref().is_some_and(|(_, otherwise)| is_untyped(otherwise));
            otherwise || ends_untyped(&branch.then_branch)
        }
        Expr::Match(inner) => inner.arms.iter().any(|arm| is_untyped(&arm.body)),
        Expr::Block(inner) => ends_untyped(&inner.block),
        other => needs_context(other),
    }
}

fn ends_untyped(block: &syn::Block) -> bool {
    matches!(block.stmts.last(), Some(syn::Stmt::Expr(value, None)) if is_untyped(value))
}

/// Does a chain of methods begin with what they alone can tell the type of: `Ok(x)`, `Vec::new()`?
pub(super) fn begins_untyped(receiver: &Expr) -> bool {
    match receiver {
        Expr::Paren(inner) => begins_untyped(&inner.expr),
        Expr::MethodCall(call) => begins_untyped(&call.receiver),
        Expr::Call(call) => {
            let is_result = names::last_word(&call.func).is_some_and(|name| name == "Ok" || name == "Err");
            is_untyped(receiver) && (is_result || call.args.is_empty() || call.args.iter().any(is_untyped))
        }
        other => matches!(other, Expr::Path(_) | Expr::Macro(_)) && is_untyped(other),
    }
}
