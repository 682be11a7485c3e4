"""The colours of foreground and background for a known alpha."""

from propmat._foreground._estimate import foreground as foreground
