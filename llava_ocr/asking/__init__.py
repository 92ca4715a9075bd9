"""Questions about documents: asked once, in a conversation, or to be described. Rules are pure, edges are elsewhere."""
