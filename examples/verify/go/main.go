// Checks access tokens with the key set and the revocations, without asking the session service for each.
package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var (
	sessions, key = os.Getenv("SESSIONS"), os.Getenv("KEY")
	client        = http.Client{Timeout: 2 * time.Second}
	mutex         sync.Mutex
	keys          map[string]ed25519.PublicKey
	revoked       = map[string]int64{} // the SHA-256 of a session's handle, and until when one of its tokens may be good
	since         int64
	readAt        time.Time
	errStale      = errors.New("the keys and revocations are too old")
)

func get(path string, into any) error {
	request, err := http.NewRequest("GET", sessions+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("api-key", key)
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != 200 {
		return fmt.Errorf("%s: %s", path, reply.Status)
	}
	return json.NewDecoder(reply.Body).Decode(into)
}

// read reads the keys, and what was revoked since the last read; to the end, or it does not count.
func read() error {
	began, now := time.Now(), int64(0)
	var set struct {
		Keys []struct{ Kid, Alg, X string }
	}
	if err := get("/.well-known/jwks.json", &set); err != nil {
		return err
	}
	public := map[string]ed25519.PublicKey{}
	for _, it := range set.Keys {
		if x, err := base64.RawURLEncoding.DecodeString(it.X); err == nil && it.Alg == "EdDSA" && len(x) == ed25519.PublicKeySize {
			public[it.Kid] = x
		}
	}
	query := url.Values{}
	if since > 0 {
		query.Set("since", fmt.Sprint(since))
	}
	for {
		var page struct {
			Revocations []struct {
				SessionHandleHash string
				Until             int64
			}
			Next string
			Now  int64
		}
		if err := get("/session/revocations?"+query.Encode(), &page); err != nil {
			return err
		}
		mutex.Lock()
		for _, it := range page.Revocations {
			revoked[it.SessionHandleHash] = it.Until
		}
		mutex.Unlock()
		if now == 0 {
			now = page.Now
		}
		if page.Next == "" {
			break
		}
		query = url.Values{"after": {page.Next}}
	}
	mutex.Lock()
	defer mutex.Unlock()
	for session, until := range revoked {
		if until < now {
			delete(revoked, session)
		}
	}
	keys, since, readAt = public, now, began
	return nil
}

// check returns the token's claims; nil if it is not good. With an error that can't be told: answer 503.
func check(token string, stale time.Duration) (jwt.MapClaims, error) {
	mutex.Lock()
	defer mutex.Unlock()
	if time.Since(readAt) > stale {
		return nil, errStale
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(token *jwt.Token) (any, error) {
		kid, _ := token.Header["kid"].(string)
		if public, ok := keys[kid]; ok {
			return public, nil
		}
		return nil, errors.New("an unknown key")
	}, jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithExpirationRequired(), jwt.WithLeeway(30*time.Second))
	handle, _ := claims["sid"].(string)
	hash := sha256.Sum256([]byte(handle))
	_, isRevoked := revoked[hex.EncodeToString(hash[:])]
	// A token that was just refreshed has to be shown to the service once (PUT /session), which replaces it.
	_, isNew := claims["prt"]
	if err != nil || handle == "" || isRevoked || isNew {
		return nil, nil
	}
	return claims, nil
}

// Here: a token a line.
func main() {
	stale := 10 * time.Second
	if seconds, err := time.ParseDuration(os.Getenv("STALE") + "s"); err == nil {
		stale = seconds
	}
	go func() {
		for ; ; time.Sleep(time.Second) {
			if err := read(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if claims, err := check(lines.Text(), stale); err != nil {
			fmt.Println("unavailable")
		} else if claims == nil {
			fmt.Println("refused")
		} else {
			fmt.Println("good", claims["sub"])
		}
	}
}
