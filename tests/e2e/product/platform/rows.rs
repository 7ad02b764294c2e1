//! What each interrupted operation of Zadig's leaves, made with real Helm.
